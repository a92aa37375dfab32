import { isSealaneError } from '@sealane/types';
import { expect, it } from 'vitest';
import { codecs, fromHex, thrownBy, toHex, vectors } from './vector-file.js';

/** Milliseconds and seed of a longer run: SEALANE_FUZZ_MS=600000 SEALANE_FUZZ_SEED=7. */
const seed = Number(process.env['SEALANE_FUZZ_SEED'] ?? 1);
const longMs = Number(process.env['SEALANE_FUZZ_MS'] ?? 0);
const shortRounds = 60_000;

/** xorshift32: the same inputs for the same seed everywhere. */
function createRandom(start: number): (below: number) => number {
  let state = start | 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** First bytes and lengths that decide how the rest is read. */
const telling = [0x00, 0x01, 0x7f, 0x80, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4, 0xc6, 0xc7, 0xca, 0xcc, 0xcf];
telling.push(0xd0, 0xd4, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff);

function mutate(source: Uint8Array, other: Uint8Array, random: (below: number) => number): Uint8Array {
  let bytes: Uint8Array = source.slice();
  for (let step = 1 + random(3); step > 0; step -= 1) {
    const at = random(bytes.length + 1);
    const end = Math.min(bytes.length, at + 1 + random(8));
    switch (random(7)) {
      case 0:
        if (at < bytes.length) bytes[at] = bytes[at]! ^ (1 << random(8));
        break;
      case 1:
        if (at < bytes.length) bytes[at] = telling[random(telling.length)]!;
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3: // a run is repeated
        bytes = join(bytes.subarray(0, end), bytes.subarray(at));
        break;
      case 4: // a run is lost
        bytes = join(bytes.subarray(0, at), bytes.subarray(end));
        break;
      case 5: // the head of one message with the tail of another
        bytes = join(bytes.subarray(0, at), other.subarray(random(other.length + 1)));
        break;
      default: // a length that claims the most
        bytes = join(bytes.subarray(0, at), Uint8Array.of(0xff, 0xff, 0xff, 0xff), bytes.subarray(end));
    }
    if (bytes.length > 70_000) bytes = bytes.slice(0, 70_000);
  }
  return bytes;
}

function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

it('mutations of valid input throw only the typed error, and what is accepted is canonical', {
  timeout: longMs + 60_000,
}, () => {
  const random = createRandom(seed);
  const corpus = vectors
    .filter(({ name }) => name !== 'IGNORED')
    .map((v) => ({ codec: v.codec, bytes: fromHex(v.hex) }));
  const until = performance.now() + longMs;
  const seen = { accepted: 0, refused: 0 };
  for (let round = 0; round < shortRounds || performance.now() < until; round += 1) {
    const chosen = corpus[random(corpus.length)]!;
    const input = mutate(chosen.bytes, corpus[random(corpus.length)]!.bytes, random);
    const codec = codecs[chosen.codec]!;
    const outcome: { value?: unknown } = {};
    const error = thrownBy(() => {
      outcome.value = codec.decode(input);
    });
    if (error !== undefined) {
      seen.refused += 1;
      if (!isSealaneError(error) || !error.code.startsWith('ERR_PROTOCOL_')) {
        expect.fail(`seed ${seed} round ${round} ${chosen.codec} ${toHex(input)}: ${String(error)}`);
      }
      continue;
    }
    seen.accepted += 1;
    // Frames may be several and a handshake message has bytes behind it; all else is one value and its only encoding.
    if (chosen.codec === 'frame' || chosen.codec === 'handshake') continue;
    const again = toHex(codec.encode(outcome.value as never));
    if (again !== toHex(input))
      expect.fail(`seed ${seed} round ${round} ${chosen.codec} ${toHex(input)} became ${again}`);
  }
  expect(seen.accepted).toBeGreaterThan(1_000);
  expect(seen.refused).toBeGreaterThan(10_000);
});

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { decodeMessage, decodeStrict, type Frame, forEachFrame, HandshakeReader } from '../src/index.js';
import { thrownBy } from './vector-file.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const rounds = 400;
const attempts = 3;
const allowedBytes = 65_536;

/** Bytes that one call takes at most; the least of a few attempts, since the compiler's memory is in it too. */
function bytesTaken(action: () => unknown): number {
  return Math.min(...Array.from({ length: attempts }, () => bytesTakenOnce(action)));
}

/** What `rounds` kept results and errors hold, and what was dropped on the way and not collected yet, divided. */
function bytesTakenOnce(action: () => unknown): number {
  const kept: unknown[] = [action()];
  collect();
  const before = held();
  for (let round = 0; round < rounds; round += 1) kept.push(action());
  const after = held();
  expect(kept).toHaveLength(rounds + 1);
  return (after - before) / rounds;
}

function held(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function filled(length: number, head: readonly number[], byte: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(byte);
  bytes.set(head);
  return bytes;
}

const bombs: readonly (readonly [string, Uint8Array])[] = [
  ['array32 of 2^32-1', Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff)],
  ['array16 of 65,535', Uint8Array.of(0xdc, 0xff, 0xff)],
  ['map32 of 2^32-1', Uint8Array.of(0xdf, 0xff, 0xff, 0xff, 0xff)],
  ['str32 of 2^32-1', Uint8Array.of(0xdb, 0xff, 0xff, 0xff, 0xff)],
  ['bin32 of 2^32-1', Uint8Array.of(0xc6, 0xff, 0xff, 0xff, 0xff)],
  ['ext32 of 2^32-1', Uint8Array.of(0xc9, 0xff, 0xff, 0xff, 0xff, 0x01)],
  ['1,000 nested arrays', filled(1_000, [], 0x91)],
  ['8,191 nested arrays', filled(8_191, [], 0x91)],
  ['8,000 nested maps', filled(8_000, [], 0x81)],
  ['8,188 empty arrays in one', filled(8_191, [0xdc, 0x1f, 0xfc], 0x90)],
  ['8,188 nils in one', filled(8_191, [0xdc, 0x1f, 0xfc], 0xc0)],
  ['array32 claims inside arrays', filled(8_191, [], 0xdd)],
  ['a text of 8,188 bytes', filled(8_191, [0xda, 0x1f, 0xfc], 0x61)],
  ['bytes of 8,188', filled(8_191, [0xc5, 0x1f, 0xfc], 0x61)],
  ['63 empty texts', filled(66, [0xdc, 0x00, 0x3f], 0xa0)],
];

describe('no input takes more than 64 KiB beyond its own length', () => {
  it.each(bombs)('%s', (_, bomb) => {
    const takenMessage = bytesTaken(() => thrownBy(() => decodeMessage(Uint8Array.of(5, ...bomb))) ?? 'decoded');
    const takenValue = bytesTaken(() => {
      const outcome: { value?: unknown } = {};
      return [thrownBy(() => (outcome.value = decodeStrict(bomb))), outcome];
    });
    expect(takenMessage - bomb.length).toBeLessThan(allowedBytes);
    expect(takenValue - bomb.length).toBeLessThan(allowedBytes);
  });

  it('a frame that claims the largest length', () => {
    const claim = Uint8Array.of(0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff);
    const limits = { maxDataBytes: 66_560, maxOpenBytes: 8_192, maxMessageBytes: 8_192 };
    expect(bytesTaken(() => thrownBy(() => forEachFrame(claim, limits, () => undefined)))).toBeLessThan(allowedBytes);
  });

  it('a handshake message that claims the largest length', () => {
    const taken = bytesTaken(() => thrownBy(() => new HandshakeReader().push(Uint8Array.of(0xff, 0xff, 0xff))));
    expect(taken).toBeLessThan(allowedBytes);
  });
});

describe('bodies are views', () => {
  it('a DATA body shares the memory of its message', () => {
    const message = Uint8Array.of(0, 0, 0, 0, 0, 1, 0, 0, 2, 7, 8);
    const seen: Frame[] = [];
    forEachFrame(message, { maxDataBytes: 10, maxOpenBytes: 0, maxMessageBytes: 0 }, (f) => seen.push({ ...f }));
    expect(seen[0]?.body.buffer).toBe(message.buffer);
  });

  it('binary values share the memory of the control body', () => {
    const body = Uint8Array.of(0xc4, 0x02, 1, 2);
    expect((decodeStrict(body) as Uint8Array).buffer).toBe(body.buffer);
  });
});

it('the worst message is refused in well under a millisecond', () => {
  const bomb = filled(8_191, [0xdc, 0x1f, 0xfc], 0x90);
  const start = performance.now();
  for (let round = 0; round < 1_000; round += 1) thrownBy(() => decodeStrict(bomb));
  // A generous bound: what it excludes is work that grows with what the bytes claim.
  expect(performance.now() - start).toBeLessThan(1_000);
});

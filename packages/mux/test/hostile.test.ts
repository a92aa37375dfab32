import { encodeCredit, encodeFrame, encodeGoAway, encodeOpenBody } from '@sealane/protocol';
import { type SeededRandom, seededRandom } from '@sealane/testkit';
import { FrameFlag, FrameType, isSealaneError, SealaneError } from '@sealane/types';
import { expect, test } from 'vitest';
import { createPair } from './pair.js';

const rounds = process.env['SEALANE_LONG'] === '1' ? 200_000 : 20_000;

const { DATA, CREDIT, RESET, PING, PONG, GOAWAY, MESSAGE } = FrameType;

/** Mostly within the rules; `lastOpened` is the highest stream number so far. */
function plausibleFrame(random: SeededRandom, lastOpened: number): Uint8Array {
  const streamId = random.int(0, (lastOpened - 1) >> 1) * 2 + 1;
  const flags = random.pick([0, 0, FrameFlag.FIN]);
  switch (random.pick([DATA, DATA, DATA, DATA, 'open', 'open', CREDIT, RESET, PING, PONG, GOAWAY, MESSAGE])) {
    case DATA:
      return encodeFrame(DATA, flags, streamId, random(random.int(1, 3_000)));
    case CREDIT:
      return encodeFrame(CREDIT, 0, streamId, encodeCredit(random.pick([1, 5_000, 0x7fff_ffff])));
    case RESET:
      return encodeFrame(RESET, 0, streamId, random(2));
    case PING:
      return encodeFrame(PING, 0, 0, random(8));
    case PONG:
      return encodeFrame(PONG, 0, 0, random(8));
    case GOAWAY:
      return encodeFrame(
        GOAWAY,
        0,
        0,
        encodeGoAway({ lastStream: random.int(0, 9), code: 1, retryAfterMs: 0, url: '' }),
      );
    case MESSAGE:
      return encodeFrame(MESSAGE, 0, random.pick([0, streamId]), random(random.int(1, 100)));
    default: {
      const open = encodeOpenBody(random(random.int(0, 50)), random(random.int(0, 3_000)));
      return encodeFrame(DATA, FrameFlag.OPEN | flags, lastOpened + 2, open);
    }
  }
}

function randomFrame(random: SeededRandom): Uint8Array {
  const body = random(random.pick([0, 2, 4, 8, 11, random.int(0, 4_000)]));
  const streamId = random.pick([0, 1, random.int(0, 20), 0xffff_ffff]);
  return encodeFrame(random.pick([random.int(0, 7), random.int(0, 255)]), random.int(0, 4), streamId, body);
}

test('frames of a hostile peer end in a typed error or nothing, and memory stays within the budget', () => {
  const codes = new Set<string>();
  for (let seed = 0; seed < rounds / 40; seed += 1) {
    const random = seededRandom(seed);
    const pair = createPair({
      receiveWindowBytes: 5_000,
      sendWindowBytes: 5_000,
      maxInboundStreams: 8,
      budgetBytes: 20_000,
      allowMessages: random.chance(0.5),
    });
    pair.b.autoConsume = random.chance(0.5);
    pair.b.accept = (end) => {
      if (random.chance(0.3)) end.port.reset(random.int(1, 10));
      else if (random.chance(0.5)) end.port.write(random(random.int(1, 9_000)));
      if (random.chance(0.3)) end.port.end();
    };
    let lastOpened = -1;
    for (let step = 0; step < 40; step += 1) {
      const frame = random.chance(0.9) ? plausibleFrame(random, lastOpened) : randomFrame(random);
      if (frame[0] === DATA && ((frame[1] ?? 0) & FrameFlag.OPEN) !== 0 && (frame[5] ?? 0) === lastOpened + 2)
        lastOpened += 2;
      const cut = random.chance(0.02) ? frame.subarray(0, random.int(0, frame.length)) : frame;
      try {
        pair.b.mux.receive(cut);
        if (random.chance(0.5)) pair.b.mux.pull(random.int(8_300, 100_000));
      } catch (error) {
        if (!isSealaneError(error)) throw error;
        codes.add(error.code);
        pair.b.mux.close(error);
        break;
      }
      expect(pair.b.budget.used).toBeLessThanOrEqual(20_000);
      expect(pair.b.mux.streamCount).toBeLessThanOrEqual(8);
    }
    const { mux } = pair.b;
    if (!mux.isClosed) mux.close(new SealaneError('ERR_CLOSED'));
    expect(pair.b.budget.reservedForGrowth).toBe(0);
  }
  expect([...codes].sort()).toEqual(['ERR_MUX_CREDIT', 'ERR_MUX_STREAM', 'ERR_PROTOCOL_FRAME', 'ERR_PROTOCOL_LIMIT']);
});

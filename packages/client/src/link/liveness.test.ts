import { describe, expect, it } from 'vitest';
import { Liveness } from './liveness.js';
import { resolveTiming } from './timing.js';

/** Ticks every 500 ms and gives the first verdict that is not 'alive', and when. */
function run(
  progressAt: (nowMs: number) => { received?: number; sent?: number; queued?: number; busy?: boolean },
  untilMs = 60_000,
) {
  const liveness = new Liveness(resolveTiming(), 500, 0);
  const verdicts: [number, string][] = [];
  for (let nowMs = 500; nowMs <= untilMs; nowMs += 500) {
    const { received = 0, sent = 0, queued = 0, busy = false } = progressAt(nowMs);
    const verdict = liveness.tick(nowMs, {
      receivedBytes: received,
      sentBytes: sent,
      queuedBytes: queued,
      isBusy: busy,
    });
    if (verdict !== 'alive') verdicts.push([nowMs, verdict]);
    if (verdict === 'dead') break;
  }
  return verdicts;
}

describe('Liveness', () => {
  it('asks after 5 s of silence and gives up before 10 s have passed', () => {
    const verdicts = run(() => ({}));
    expect(verdicts[0]).toEqual([5_000, 'ping']);
    expect(verdicts.at(-1)).toEqual([10_000, 'dead']);
  });

  it('gives up after 3 s when bytes are outstanding', () => {
    expect(run(() => ({ busy: true })).at(-1)).toEqual([3_000, 'dead']);
  });

  it('never gives up while bytes arrive, or while the socket takes bytes of a slow upload', () => {
    expect(run((nowMs) => ({ busy: true, received: nowMs })).some(([, verdict]) => verdict === 'dead')).toBe(false);
    expect(run((nowMs) => ({ busy: true, queued: 1, sent: nowMs })).some(([, verdict]) => verdict === 'dead')).toBe(
      false,
    );
  });

  it('asks every 5 s where bytes arrive all the time, so that the round trip is one of now', () => {
    const verdicts = run((nowMs) => ({ received: nowMs }), 16_000);
    expect(verdicts).toEqual([5_000, 10_000, 15_000].map((nowMs) => [nowMs, 'ping']));
  });

  it('does not take its own ping for life', () => {
    expect(run((nowMs) => ({ sent: nowMs > 6_000 ? 17 : 0 })).at(-1)).toEqual([10_000, 'dead']);
  });

  it('gives up after 3 s on a peer for which the platform takes bytes at once', () => {
    expect(run((nowMs) => ({ busy: true, sent: nowMs })).at(-1)).toEqual([3_000, 'dead']);
  });

  it('starts to count anew after a sleep of the process', () => {
    const liveness = new Liveness(resolveTiming(), 500, 0);
    expect(liveness.tick(500, { receivedBytes: 1, sentBytes: 0, queuedBytes: 0, isBusy: false })).toBe('alive');
    expect(liveness.tick(45_000, { receivedBytes: 1, sentBytes: 0, queuedBytes: 0, isBusy: false })).toBe('ping');
    expect(liveness.tick(49_500, { receivedBytes: 1, sentBytes: 0, queuedBytes: 0, isBusy: false })).toBe('alive');
  });
});

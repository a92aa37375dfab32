import { describe, expect, it } from 'vitest';
import { StallWatch } from './stall-watch.js';

/** Ticks every half second, the first at `fromMs`; true if one of them says that the peer has stalled. */
function tickFor(watch: StallWatch, fromMs: number, forMs: number, isExcused = false): boolean {
  let isStalled = false;
  for (let atMs = fromMs; atMs <= fromMs + forMs; atMs += 500) isStalled = watch.tick(atMs, isExcused) || isStalled;
  return isStalled;
}

describe('StallWatch', () => {
  it('says so after 30 s in which the ack stood still', () => {
    const watch = new StallWatch();
    expect(tickFor(watch, 0, 29_500)).toBe(false);
    expect(tickFor(watch, 30_000, 0)).toBe(true);
  });

  it('starts anew when the ack moved', () => {
    const watch = new StallWatch();
    tickFor(watch, 0, 29_500);
    watch.reset();
    expect(tickFor(watch, 30_000, 29_000)).toBe(false);
  });

  it('counts neither the time without a path nor what is still on its way', () => {
    const watch = new StallWatch();
    tickFor(watch, 0, 20_000);
    watch.pause();
    expect(tickFor(watch, 100_000, 9_500)).toBe(false);
    expect(tickFor(watch, 110_000, 60_000, true)).toBe(false);
    expect(tickFor(watch, 170_500, 1_000)).toBe(true);
  });
});

import { describe, expect, it } from 'vitest';
import { RoundTrips } from './round-trips.js';

describe('round trips', () => {
  it('percentiles are values that were seen, by nearest rank', () => {
    const trips = new RoundTrips();
    for (let ms = 100; ms >= 1; ms -= 1) trips.add(ms);
    expect(trips.summary()).toEqual({
      sent: 100,
      received: 100,
      lost: 0,
      minMs: 1,
      p50Ms: 50,
      p90Ms: 90,
      p99Ms: 99,
      maxMs: 100,
    });
  });

  it('one is all of them, and lost ones only count', () => {
    const trips = new RoundTrips();
    trips.add(undefined);
    expect(trips.summary()).toMatchObject({ sent: 1, received: 0, lost: 1, minMs: null, p50Ms: null, maxMs: null });
    trips.add(1.23456);
    expect(trips.summary()).toMatchObject({ sent: 2, lost: 1, minMs: 1.235, p50Ms: 1.235, p99Ms: 1.235, maxMs: 1.235 });
  });

  it('an endless run keeps the last ones alone, and the smallest and largest of all', () => {
    const trips = new RoundTrips(3);
    for (const ms of [1, 90, 10, 11, 12]) trips.add(ms);
    expect(trips.summary()).toMatchObject({ received: 5, minMs: 1, p50Ms: 11, p90Ms: 12, maxMs: 90 });
  });
});

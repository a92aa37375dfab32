import { describe, expect, it } from 'vitest';
import { TokenBucket } from './token-bucket.js';

describe('TokenBucket', () => {
  it('gives its capacity at once and then only its rate', () => {
    const bucket = new TokenBucket(20, 5, 0);
    const taken = Array.from({ length: 7 }, () => bucket.tryTake(0));
    expect(taken).toEqual([true, true, true, true, true, false, false]);
    expect(bucket.tryTake(49)).toBe(false);
    expect(bucket.tryTake(50)).toBe(true);
    expect(bucket.tryTake(50)).toBe(false);
  });

  it('never holds more than its capacity', () => {
    const bucket = new TokenBucket(1_000, 2, 0);
    expect(bucket.isFull(1_000_000)).toBe(true);
    expect([bucket.tryTake(1e6), bucket.tryTake(1e6), bucket.tryTake(1e6)]).toEqual([true, true, false]);
  });

  it('can be overdrawn by work whose cost is known afterwards, and tells when it is back', () => {
    const bucket = new TokenBucket(250, 100, 0);
    bucket.charge(350, 0);
    expect(bucket.waitMs(0)).toBe(1_004);
    expect(bucket.waitMs(1_004)).toBe(0);
  });

  it('does not run backwards with a clock that does', () => {
    const bucket = new TokenBucket(1, 1, 1_000);
    expect(bucket.tryTake(1_000)).toBe(true);
    expect(bucket.tryTake(0)).toBe(false);
  });
});

import { expect, it } from 'vitest';
import { Backoff } from './backoff.js';
import { resolveTiming } from './timing.js';

const highest = (length: number): Uint8Array => new Uint8Array(length).fill(0xff);
const waits = (isAwaited: boolean, random: (length: number) => Uint8Array): number[] => {
  const backoff = new Backoff(resolveTiming(), random);
  return Array.from({ length: 40 }, () => backoff.nextMs(isAwaited));
};

it('while something waits for the link no wait is a second long or longer, after however many attempts', () => {
  const longest = waits(true, highest);
  expect(Math.max(...longest)).toBe(999);
  expect(longest.at(-1)).toBe(999);
});

it('while nothing waits, waits double up to half a minute, and each may be anything from nothing on', () => {
  const longest = waits(false, highest);
  expect(longest.slice(0, 4)).toEqual([199, 399, 799, 1_599]);
  expect(longest.at(-1)).toBe(29_999);
  expect(waits(false, (length) => new Uint8Array(length))).toEqual(new Array(40).fill(0));
});

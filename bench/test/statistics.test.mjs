import { describe, expect, test } from 'vitest';
import { figureOf } from '../measures.mjs';
import { quantile, rotate, slope, summarize, summarizeRatios } from '../statistics.mjs';

describe('statistics', () => {
  test('a quantile lies between the two values around it, whatever their order', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([10, 20, 30], 0)).toBe(10);
    expect(quantile([10, 20, 30], 1)).toBe(30);
    expect(quantile([], 0.5)).toBeNaN();
  });

  test('a summary is the median and the quartiles', () => {
    expect(summarize([5, 1, 4, 2, 3])).toEqual({ median: 3, low: 2, high: 4 });
  });

  test('a ratio is taken within each round, so that a machine that slows down changes none', () => {
    expect(summarizeRatios([50, 5, 0.5], [100, 10, 1])).toEqual({ median: 0.5, low: 0.5, high: 0.5 });
    expect(() => summarizeRatios([1, 2], [1])).toThrow(/rounds/);
  });

  test('a slope leaves out what the first ones cost', () => {
    expect(
      slope([
        [1_000, 60_000_000],
        [3_000, 70_000_000],
        [6_000, 65_000_000],
      ]),
    ).toBe(1_000);
    expect(() => slope([[5, 1]])).toThrow(/two counts/);
  });

  test('in as many rounds as there are paths each of them comes first once, and all take part in every round', () => {
    const names = ['a', 'b', 'c'];
    const rounds = [0, 1, 2].map((round) => rotate(names, round));
    expect(rounds.map(([first]) => first).sort()).toEqual(names);
    for (const round of rounds) expect([...round].sort()).toEqual(names);
    expect(rotate(names, 3)).toEqual(names);
  });

  test('a percentile is a latency that was seen, in microseconds', () => {
    const latencies = Array.from({ length: 1_000 }, (_, index) => (index + 1) / 1_000);
    const slice = { latencies };
    expect(figureOf({ unit: 'us', share: 0.5 }, slice)).toBeCloseTo(500);
    expect(figureOf({ unit: 'us', share: 0.999 }, slice)).toBeCloseTo(999);
    expect(figureOf({ unit: 'us', share: 0.5 }, { latencies: [] })).toBeNaN();
  });
});

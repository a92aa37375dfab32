import { expect, it } from 'vitest';
import { LatencyHistogram } from './latency-histogram.js';

it('counts each duration in the first bucket whose bound it does not exceed', () => {
  const histogram = new LatencyHistogram();
  for (const ms of [0, 0.5, 0.6, 10_000, 10_001]) histogram.observeMs(ms);
  const { bounds, counts, sum, count } = histogram.snapshot();
  expect(counts).toHaveLength(bounds.length + 1);
  expect(counts.slice(0, 2)).toEqual([2, 1]);
  expect(counts.slice(-2)).toEqual([1, 1]);
  expect([sum, count]).toEqual([20.0021, 5]);
});

import { describe, expect, test } from 'vitest';
import { simulate } from './two-layers/simulation.js';

const isLong = process.env['SEALANE_LONG'] === '1';
const seedsPerTest = isLong ? 5_000 : 300;
const tests = 8;

describe('the mux inside the session over the mux on the link', () => {
  test.each(Array.from({ length: tests }, (_, index) => index * seedsPerTest))(
    'delivers every byte in order and never comes to rest with work left, from seed %i',
    (firstSeed) => {
      let streams = 0;
      let resets = 0;
      for (let seed = firstSeed; seed < firstSeed + seedsPerTest; seed += 1) {
        try {
          const result = simulate(seed);
          streams += result.streams;
          resets += result.resets;
        } catch (cause) {
          throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
        }
      }
      // The seeds must exercise what they claim to.
      expect(streams).toBeGreaterThan(seedsPerTest);
      expect(resets).toBeGreaterThan(seedsPerTest / 20);
    },
    isLong ? 3_600_000 : 120_000,
  );

  test.each([
    ['credit-follows-application', /nothing is pending/],
    ['no-wake-on-credit', /nothing is pending/],
    ['credit-on-receipt', /a queue in the relay held/],
    ['small-outer-window', /nothing is pending/],
  ] as const)('would find the mistake %s', (defect, finding) => {
    expect(() => {
      for (let seed = 0; seed < 300; seed += 1) simulate(seed, defect);
    }).toThrow(finding);
  });
});

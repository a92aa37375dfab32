import { loadCrypto } from '@sealane/crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { simulateWhole, type WholeResult } from './whole-simulation/simulation.js';

const isLong = process.env['SEALANE_LONG'] === '1';
/** Runs this seed alone. */
const onlySeed = process.env['SEALANE_SEED'];
const seedsPerTest = onlySeed !== undefined ? 1 : isLong ? 1_000 : 100;
const firstSeeds =
  onlySeed !== undefined ? [Number(onlySeed)] : Array.from({ length: isLong ? 10 : 2 }, (_, at) => at * seedsPerTest);

beforeAll(() => loadCrypto());

describe('clients and relays whose links and lives end at any time', () => {
  test.each(firstSeeds)(
    'lose and double no byte, come to an end when the faults do, and hold nothing after it, from seed %i',
    async (firstSeed) => {
      const results: WholeResult[] = [];
      for (let seed = firstSeed; seed < firstSeed + seedsPerTest; seed += 1) {
        try {
          results.push(await simulateWhole(seed));
        } catch (cause) {
          const again = `SEALANE_SEED=${seed} npx vitest run --project integration-tests packages/integration-tests/test/whole-simulation.test.ts`;
          throw new Error(`${(cause as Error).message}; to see it again: ${again}`, { cause });
        }
      }
      if (onlySeed !== undefined) return;
      const sum = (what: (result: WholeResult) => number): number =>
        results.reduce((total, result) => total + what(result), 0);
      // The seeds must exercise what they claim to.
      const streams = sum((result) => result.streams);
      expect(streams).toBeGreaterThan(seedsPerTest * 3);
      expect(sum(({ resumptions }) => resumptions)).toBeGreaterThan(seedsPerTest * 2);
      expect(sum(({ relayChanges }) => relayChanges)).toBeGreaterThan(seedsPerTest / 10);
      expect(sum(({ completeStreams }) => completeStreams) / streams).toBeGreaterThan(0.9);
      expect(sum(({ failedDials }) => failedDials)).toBeLessThan(seedsPerTest / 20);
    },
    isLong ? 3_600_000 : 120_000,
  );
});

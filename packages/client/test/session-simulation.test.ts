import { loadCrypto } from '@sealane/crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { everyCut, exchangeWithCuts } from './session-simulation/every-offset.js';
import { type SimulationResult, simulate } from './session-simulation/simulation.js';

const isLong = process.env['SEALANE_LONG'] === '1';
/** A part of it: on other versions of Node, beside a whole run. */
const isBrief = process.env['SEALANE_BRIEF'] === '1';
/** Runs this seed alone. */
const onlySeed = process.env['SEALANE_SEED'];
const seedsPerTest = onlySeed !== undefined ? 1 : isLong ? 1_000 : isBrief ? 60 : 150;
const firstSeeds =
  onlySeed !== undefined ? [Number(onlySeed)] : Array.from({ length: isLong ? 10 : 2 }, (_, at) => at * seedsPerTest);
/** Two cuts: of all pairs of places, every so many. */
const [firstStride, secondStride] = isLong ? ([1, 1] as const) : isBrief ? ([29, 31] as const) : ([13, 17] as const);
/** Of the places of the first cut, so that a failure in one part hides no other one. */
const pairParts = Array.from({ length: isLong ? 10 : 1 }, (_, part) => part);
const timeoutMs = isLong ? 3_600_000 : 120_000;

beforeAll(() => loadCrypto());

describe('a session over paths that break', () => {
  test.each(firstSeeds)(
    'delivers every byte once and in order or says why not, never stands still and keeps its bounds, from seed %i',
    (firstSeed) => {
      const results: SimulationResult[] = [];
      for (let seed = firstSeed; seed < firstSeed + seedsPerTest; seed += 1) {
        try {
          results.push(simulate(seed));
        } catch (cause) {
          const again = `SEALANE_SEED=${seed} npx vitest run --project client packages/client/test/session-simulation.test.ts`;
          throw new Error(`${(cause as Error).message}; to see it again: ${again}`, { cause });
        }
      }
      if (onlySeed !== undefined) return;
      const sum = (what: (result: SimulationResult) => number): number =>
        results.reduce((total, result) => total + what(result), 0);
      // The seeds must exercise what they claim to.
      expect(sum(({ resumptions }) => resumptions)).toBeGreaterThan(seedsPerTest * 2);
      expect(sum(({ lateBytes }) => lateBytes)).toBeGreaterThan(seedsPerTest * 1_000);
      expect(sum(({ rekeys }) => rekeys)).toBeGreaterThan(seedsPerTest / 50);
      const complete = sum(({ completeStreams }) => completeStreams);
      expect(complete / sum(({ streams }) => streams)).toBeGreaterThan(0.75);
    },
    timeoutMs,
  );

  test.skipIf(onlySeed !== undefined)(
    'goes on after a cut at every byte of every record, in each direction',
    () => {
      for (const [at, cut] of everyCut().entries()) {
        for (const kind of isBrief ? [at % 4] : [0, 1, 2, 3])
          expectBothStreams(exchangeWithCuts([cut], kind), [cut], kind);
      }
    },
    timeoutMs,
  );

  test.skipIf(onlySeed !== undefined).each(pairParts)(
    'goes on after a second cut, wherever the first one was, part %i',
    async (part) => {
      const cuts = everyCut();
      const end = Math.ceil((cuts.length * (part + 1)) / pairParts.length);
      for (let first = Math.ceil((cuts.length * part) / pairParts.length); first < end; first += firstStride) {
        for (let second = first % secondStride; second < cuts.length; second += secondStride) {
          const pair = [cuts[first]!, cuts[second]!];
          const kind = (first + second) % 4;
          expectBothStreams(exchangeWithCuts(pair, kind), pair, kind);
        }
        // Promises that nobody awaits are settled in a turn of their own.
        await new Promise(setImmediate);
      }
    },
    timeoutMs,
  );
});

/** Whatever was cut, both streams end in order; at most the goodbye after them is lost. */
function expectBothStreams({ completeStreams }: SimulationResult, cuts: readonly object[], kind: number): void {
  if (completeStreams !== 2) throw new Error(`a stream was lost with cuts of kind ${kind} at ${JSON.stringify(cuts)}`);
}

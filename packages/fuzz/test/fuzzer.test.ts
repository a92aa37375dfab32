import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@sealane/testkit';
import { describe, expect, it } from 'vitest';
import { readCorpusFile, writeCorpusFile } from '../src/corpus-file.js';
import { Coverage } from '../src/coverage.js';
import { type FuzzResult, fuzz } from '../src/fuzzer.js';
import { mutate } from '../src/mutate/mutate.js';
import type { Shape, Target } from '../src/target.js';

/** Runs `body` with counters of its own, as instrumented code would count. */
function fuzzToy(
  body: (input: Uint8Array, hit: (block: number) => void) => void,
  isGuided = true,
  executions = 400_000,
): Promise<FuzzResult> {
  const hits = new Uint8Array(16);
  const target: Target = {
    name: 'toy',
    shape: { kind: 'bytes' },
    maxBytes: 32,
    seeds: () => [new Uint8Array(8)],
    run: (input) => body(input, (block) => hits.fill(1, isGuided ? block : 0, isGuided ? block + 1 : 1)),
  };
  return fuzz({
    target,
    coverage: new Coverage(hits),
    random: seededRandom(1),
    corpus: [],
    failures: [],
    literals: () => [],
    announce: () => undefined,
    isOver: (done) => done >= executions,
  });
}

/** Five bytes that must all be right: chance alone would need 2^40 inputs. */
function guarded(input: Uint8Array, hit: (block: number) => void): void {
  for (const [index, wanted] of [0x5e, 0xa1, 0x91, 0x33, 0x77].entries()) {
    hit(index);
    if (input[index] !== wanted) return;
  }
  throw new Error('reached 42');
}

describe('the fuzzer', () => {
  it('finds what lies behind five comparisons because each step is seen in the coverage', async () => {
    const { failure } = await fuzzToy(guarded);
    expect(failure?.message).toBe('Error: reached 42');
    expect(failure?.input).toEqual(Uint8Array.of(0x5e, 0xa1, 0x91, 0x33, 0x77));
  });

  it('does not find it without coverage', async () => {
    expect((await fuzzToy(guarded, false)).failure).toBeUndefined();
  });

  it('does the same for the same seed', async () => {
    const [first, second] = [await fuzzToy(guarded), await fuzzToy(guarded)];
    expect(first.executions).toBe(second.executions);
  });

  it('hears of an error that escapes into the event loop', async () => {
    const target: Target = {
      name: 'toy',
      shape: { kind: 'bytes' },
      maxBytes: 4,
      seeds: () => [new Uint8Array(1)],
      run: async () => void Promise.reject(new Error('nobody waits for it')),
    };
    const options = {
      target,
      coverage: new Coverage(new Uint8Array(4)),
      random: seededRandom(1),
      corpus: [],
      failures: [],
    };
    const result = await fuzz({ ...options, literals: () => [], announce: () => undefined, isOver: () => false });
    expect(result.failure?.message).toContain('nobody waits for it');
  });

  it('finds memory that an input takes beyond its limit', async () => {
    const kept: Uint8Array[] = [];
    const target: Target = {
      name: 'toy',
      shape: { kind: 'bytes' },
      maxBytes: 4,
      maxMemoryBytes: 65_536,
      seeds: () => [new Uint8Array(1)],
      run: () => void kept.splice(0, 1, new Uint8Array(200_000)),
    };
    const options = {
      target,
      coverage: new Coverage(new Uint8Array(4)),
      random: seededRandom(1),
      corpus: [],
      failures: [],
    };
    const isOver = (done: number): boolean => done > 5_000;
    const result = await fuzz({ ...options, literals: () => [], announce: () => undefined, isOver });
    const [, length, most] =
      /bytes of memory for an input of (\d), more than (\d+)/.exec(result.failure?.message ?? '') ?? [];
    expect(Number(most)).toBe(65_536 + Number(length));
  });
});

describe('mutations', () => {
  const shapes: readonly Shape[] = [
    { kind: 'bytes' },
    { kind: 'msgpack', offset: 1 },
    { kind: 'frames' },
    { kind: 'text' },
  ];
  it.each(shapes)('of $kind follow from the seed, leave their input as it is and keep the limit', (shape) => {
    const once = (): Uint8Array[] => {
      const random = seededRandom(3);
      let input: Uint8Array = new Uint8Array(Buffer.from('0193c40401020304a3616263cd0100', 'hex'));
      const results: Uint8Array[] = [];
      for (let step = 0; step < 3_000; step++) {
        const before = input.slice();
        const other = Uint8Array.of(1, 0x92, 0xc0, 7);
        const next = mutate(input, { random, dictionary: [Uint8Array.of(9, 9)], other, shape, maxBytes: 64 });
        expect(input).toEqual(before);
        expect(next.length).toBeLessThanOrEqual(64);
        results.push(next);
        if (next.length > 4) input = next;
      }
      return results;
    };
    expect(once()).toEqual(once());
  });
});

it('a corpus file gives back what was written, once each, an empty input too', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sealane-fuzz-'));
  const path = join(directory, 'some/toy.txt');
  expect(readCorpusFile(path)).toEqual([]);
  const inputs = [Uint8Array.of(1, 2, 3), new Uint8Array(0), Uint8Array.of(1, 2, 3), Uint8Array.of(255)];
  writeCorpusFile(path, inputs);
  expect(readCorpusFile(path)).toEqual([new Uint8Array(0), Uint8Array.of(255), Uint8Array.of(1, 2, 3)]);
  rmSync(directory, { recursive: true });
});

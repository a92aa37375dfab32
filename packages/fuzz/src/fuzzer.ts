import type { SeededRandom } from '@sealane/testkit';
import type { Coverage } from './coverage.js';
import { Executor, type Failure, isSameFailure } from './executor.js';
import { mutate } from './mutate/mutate.js';
import { shrink } from './shrink.js';
import type { Target } from './target.js';

export interface FuzzOptions {
  readonly target: Target;
  readonly coverage: Coverage;
  readonly random: SeededRandom;
  /** Inputs of earlier runs. */
  readonly corpus: readonly Uint8Array[];
  /** Inputs that once broke a rule. They run first and stay. */
  readonly failures: readonly Uint8Array[];
  /** What the sources around these blocks compare with. */
  readonly literals: (blocks: readonly number[]) => readonly Uint8Array[];
  readonly announce: (input: Uint8Array) => void;
  /** True ends the run. Asked before every input. */
  readonly isOver: (executions: number) => boolean;
}

export interface FuzzResult {
  readonly executions: number;
  readonly blocks: readonly number[];
  /** Blocks that the inputs at hand covered before anything was changed. */
  readonly blocksOfCorpus: number;
  /** The fewest inputs found that cover all of it, for the next run. */
  readonly corpus: readonly Uint8Array[];
  readonly failure: (Failure & { readonly input: Uint8Array }) | undefined;
}

const trimBudget = 48;
const shrinkBudget = 600;
const maxCorpusBytes = 12_288;
const maxPoolSize = 4_096;

/**
 * Changes inputs, keeps those that reach code no input reached before, and changes these further. Ends at the first
 * broken rule, with the shortest input found for it.
 */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { target, coverage, random, isOver } = options;
  const executor = new Executor(target, coverage, options.announce);
  const pool: Uint8Array[] = [];
  let blocksOfCorpus = 0;

  const finish = async (failure: FuzzResult['failure']): Promise<FuzzResult> => ({
    executions: executor.executions,
    blocks: coverage.covered(),
    blocksOfCorpus,
    corpus: failure === undefined ? await selectCorpus(pool, executor, coverage) : [],
    failure,
  });

  try {
    // Whoever wrote a seed meant something by it: it is changed further even if it reaches nothing new.
    const known = [...target.seeds(), ...options.failures].map((input) => ({ input, isSeed: true }));
    for (const { input: given, isSeed } of [...known, ...options.corpus.map((input) => ({ input, isSeed: false }))]) {
      const input = given.slice(0, target.maxBytes);
      const failure = await executor.run(input);
      if (failure !== undefined) return await finish(await smallest(input, failure, executor));
      if (coverage.takeNews() !== undefined || isSeed) pool.push(input);
    }
    if (pool.length === 0) pool.push(new Uint8Array(0));
    blocksOfCorpus = coverage.blocks;
    const dictionary = [...(target.dictionary ?? []), ...options.literals(coverage.covered())];

    while (!isOver(executor.executions)) {
      // What was found last is the least explored.
      const newest = random.chance(0.5) ? Math.floor(pool.length * 0.75) : 0;
      const parent = pool[random.int(newest, pool.length - 1)]!;
      const other = random.pick(pool);
      const child = mutate(parent, { random, dictionary, other, shape: target.shape, maxBytes: target.maxBytes });
      const failure = await executor.run(child);
      if (failure !== undefined) return await finish(await smallest(child, failure, executor));
      const news = coverage.takeNews();
      if (news === undefined) continue;
      const { blocks } = news;
      const kept =
        blocks.length === 0
          ? child
          : await shrink(
              child,
              async (candidate) => (await executor.run(candidate)) === undefined && coverage.hasHit(blocks),
              trimBudget,
            );
      pool.push(kept);
      if (pool.length > maxPoolSize) pool.splice(0, pool.length - maxPoolSize);
    }
    return await finish(undefined);
  } finally {
    executor.close();
  }
}

async function smallest(
  input: Uint8Array,
  failure: Failure,
  executor: Executor,
): Promise<Failure & { readonly input: Uint8Array }> {
  let shown = failure;
  const small = await shrink(
    input,
    async (candidate) => {
      const found = await executor.run(candidate);
      if (found === undefined || !isSameFailure(found, failure)) return false;
      shown = found;
      return true;
    },
    shrinkBudget,
  );
  return { ...shown, input: small };
}

/** Shortest first, each that adds a block; then without those that the others make needless. */
async function selectCorpus(
  pool: readonly Uint8Array[],
  executor: Executor,
  coverage: Coverage,
): Promise<Uint8Array[]> {
  const counts = new Map<number, number>();
  const kept: { readonly input: Uint8Array; readonly blocks: readonly number[] }[] = [];
  let bytes = 0;
  for (const input of [...pool].sort((a, b) => a.length - b.length)) {
    if (bytes + input.length > maxCorpusBytes) break;
    await executor.run(input);
    const blocks = coverage.hitBlocks();
    if (blocks.every((block) => counts.has(block))) continue;
    for (const block of blocks) counts.set(block, (counts.get(block) ?? 0) + 1);
    kept.push({ input, blocks });
    bytes += input.length;
  }
  const needed = kept.filter(({ blocks }) => {
    if (!blocks.every((block) => counts.get(block)! > 1)) return true;
    for (const block of blocks) counts.set(block, counts.get(block)! - 1);
    return false;
  });
  return needed.map(({ input }) => input);
}

import { seededRandom } from '@sealane/testkit';
import { targets } from '../targets/index.js';
import { readCorpusFile } from './corpus-file.js';
import { Coverage } from './coverage.js';
import { Executor } from './executor.js';
import { type FuzzResult, fuzz } from './fuzzer.js';
import type { Target } from './target.js';

export { writeCorpusFile } from './corpus-file.js';
export { readCorpusFile, targets };

export interface RunTargetOptions {
  readonly name: string;
  readonly seed: number;
  readonly milliseconds: number;
  readonly corpusPath: string;
  readonly failuresPath: string;
  /** Where the literals of a source begin among the blocks, and what they are. */
  readonly files: readonly SourceFile[];
  readonly announce: (input: Uint8Array) => void;
}

export interface SourceFile {
  readonly first: number;
  readonly lines: readonly number[];
  readonly numbers: readonly number[];
  readonly texts: readonly string[];
}

function targetNamed(name: string): Target {
  const target = targets.find((candidate) => candidate.name === name);
  if (target === undefined) throw new Error(`there is no target ${name}`);
  return target;
}

export async function runTarget(options: RunTargetOptions): Promise<FuzzResult> {
  const target = targetNamed(options.name);
  await target.prepare?.();
  const endMs = performance.now() + options.milliseconds;
  return await fuzz({
    target,
    coverage: new Coverage(globalThis.__sealaneHits),
    random: seededRandom(options.seed).fork(target.name),
    corpus: readCorpusFile(options.corpusPath),
    failures: readCorpusFile(options.failuresPath),
    literals: (blocks) => literalsAround(options.files, blocks),
    announce: options.announce,
    isOver: () => performance.now() >= endMs,
  });
}

/** One input alone: what it breaks, if anything. */
export async function runInput(name: string, input: Uint8Array): Promise<string | undefined> {
  const target = targetNamed(name);
  await target.prepare?.();
  const executor = new Executor(target, new Coverage(globalThis.__sealaneHits), () => undefined);
  const failure = await executor.run(input);
  executor.close();
  return failure?.stack;
}

/** Numbers and texts of the sources that inputs have reached, as the wire would carry them. */
function literalsAround(files: readonly SourceFile[], blocks: readonly number[]): Uint8Array[] {
  const covered = new Set(blocks);
  const words = new Map<string, Uint8Array>();
  const add = (word: Uint8Array): void => void words.set(Buffer.from(word).toString('latin1'), word);
  for (const { first, lines, numbers, texts } of files) {
    if (!lines.some((_line, index) => covered.has(first + index))) continue;
    for (const text of texts) if (text.length > 0) add(new Uint8Array(Buffer.from(text)));
    for (const number of numbers) {
      if (!Number.isInteger(number) || number < 0 || number > 0xffff_ffff) continue;
      for (const size of [1, 2, 3, 4]) {
        if (number < 256 ** size) add(bigEndian(number, size));
      }
    }
  }
  return [...words.values()];
}

function bigEndian(value: number, size: number): Uint8Array {
  return new Uint8Array(Buffer.from(value.toString(16).padStart(size * 2, '0'), 'hex'));
}

import type { Coverage } from './coverage.js';
import type { Target } from './target.js';

/** How an input broke a rule. */
export interface Failure {
  /** The first line, for people. */
  readonly message: string;
  readonly stack: string;
}

const checksPerMemoryLook = 512;
/** A collection or the garbage of others in between can spoil a few of them, never so many. */
const memoryRepeats = 30;

/** Runs inputs of one target, counts them, and hears of errors that escaped into the event loop. */
export class Executor {
  executions = 0;
  readonly #target: Target;
  readonly #coverage: Coverage;
  readonly #announce: (input: Uint8Array) => void;
  readonly #escaped: unknown[] = [];
  readonly #onEscape = (error: unknown): void => {
    this.#escaped.push(error);
  };

  /** `announce` is told of every input before it runs: for whoever watches for one that never returns. */
  constructor(target: Target, coverage: Coverage, announce: (input: Uint8Array) => void) {
    this.#target = target;
    this.#coverage = coverage;
    this.#announce = announce;
    process.on('unhandledRejection', this.#onEscape);
    process.on('uncaughtException', this.#onEscape);
  }

  close(): void {
    process.off('unhandledRejection', this.#onEscape);
    process.off('uncaughtException', this.#onEscape);
  }

  /** Afterwards the coverage holds what the input did. */
  async run(input: Uint8Array): Promise<Failure | undefined> {
    this.executions += 1;
    this.#announce(input);
    // What the target does to its input is its own copy's harm.
    const copy = input.slice();
    this.#coverage.clear();
    try {
      const running = this.#target.run(copy);
      const isLater = running !== undefined;
      if (isLater) await running;
      if (isLater || this.executions % 256 === 0) await new Promise((resolve) => setImmediate(resolve));
    } catch (error) {
      return describe(error);
    }
    if (this.#escaped.length > 0) return describe(this.#escaped.splice(0)[0], 'escaped into the event loop: ');
    const { maxMemoryBytes } = this.#target;
    if (maxMemoryBytes !== undefined && this.executions % checksPerMemoryLook === 0) return this.#checkMemory(input);
    return undefined;
  }

  /** The least growth of runs until one is below the limit: garbage of others only adds. */
  #checkMemory(input: Uint8Array): Failure | undefined {
    const most = input.length + (this.#target.maxMemoryBytes ?? 0);
    let least = Number.POSITIVE_INFINITY;
    for (let repeat = 0; repeat < memoryRepeats && least > most; repeat++) {
      const before = usedBytes();
      void this.#target.run(input.slice());
      const used = usedBytes() - before;
      // A collection in between says nothing.
      if (used >= 0) least = Math.min(least, used);
    }
    if (least === Number.POSITIVE_INFINITY || least <= most) return undefined;
    return describe(new Error(`${least} bytes of memory for an input of ${input.length}, more than ${most}`));
  }
}

function usedBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function describe(error: unknown, prefix = ''): Failure {
  const shown = error instanceof Error ? error : new Error(String(error));
  return { message: prefix + (`${shown.name}: ${shown.message}`.split('\n')[0] ?? ''), stack: chainOf(shown) };
}

function chainOf(error: Error): string {
  const stack = error.stack ?? String(error);
  return error.cause instanceof Error ? `${stack}\ncaused by ${chainOf(error.cause)}` : stack;
}

/** Two failures of one kind: the same but for the numbers and bytes in their text. */
export function isSameFailure(a: Failure, b: Failure): boolean {
  const plain = (text: string): string => text.replace(/[0-9a-f]{2,}|\d/g, '');
  return plain(a.message) === plain(b.message);
}

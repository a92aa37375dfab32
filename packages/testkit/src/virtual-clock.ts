import type { Clock, Timer } from '@sealane/types';

interface Entry {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
  cancelled: boolean;
}

export interface VirtualClockOptions {
  /** Start of the monotonic time. Default 0. */
  readonly startMs?: number;
  /** Start of the wall time. Default 2026-01-01T00:00:00Z. */
  readonly startWallMs?: number;
}

/** Time that moves only when a test moves it. Callbacks run in order of their due time, then of their scheduling. */
export class VirtualClock implements Clock {
  #nowMs: number;
  #wallOffsetMs: number;
  #order = 0;
  readonly #heap: Entry[] = [];

  constructor(options: VirtualClockOptions = {}) {
    this.#nowMs = options.startMs ?? 0;
    this.#wallOffsetMs = (options.startWallMs ?? Date.UTC(2026, 0, 1)) - this.#nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs + this.#wallOffsetMs;
  }

  /** Moves the wall time alone, as a sleeping machine or a clock correction does. */
  jumpWall(deltaMs: number): void {
    this.#wallOffsetMs += deltaMs;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const entry: Entry = {
      dueMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#order++,
      callback,
      cancelled: false,
    };
    this.#push(entry);
    return {
      cancel: () => {
        entry.cancelled = true;
      },
    };
  }

  /** Scheduled callbacks that have neither run nor been cancelled. */
  get pending(): number {
    return this.#heap.reduce((count, entry) => count + (entry.cancelled ? 0 : 1), 0);
  }

  /** Due time of the next callback, or undefined if none waits. */
  get nextDueMs(): number | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.dueMs;
  }

  /** Moves the time by `ms`, running what falls due on the way, also what the callbacks schedule. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    while (this.#runNext(endMs));
    this.#nowMs = endMs;
  }

  /** Like {@link advance}, and lets promises settle before, between and after the callbacks. */
  async advanceAsync(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    while (this.#runNext(endMs)) await settle();
    this.#nowMs = endMs;
    await settle();
  }

  /** Runs callbacks until none is left. Throws after `limit` of them, so that a loop is an error and not a hang. */
  runAll(limit = 1_000_000): number {
    let count = 0;
    while (this.#runNext(Number.POSITIVE_INFINITY)) {
      if (++count > limit) throw new Error(`the clock still has work after ${limit} callbacks`);
    }
    return count;
  }

  /** Like {@link runAll}, and lets promises settle between the callbacks. */
  async runAllAsync(limit = 100_000): Promise<number> {
    let count = 0;
    await settle();
    while (this.#runNext(Number.POSITIVE_INFINITY)) {
      if (++count > limit) throw new Error(`the clock still has work after ${limit} callbacks`);
      await settle();
    }
    return count;
  }

  #runNext(endMs: number): boolean {
    this.#dropCancelled();
    const entry = this.#heap[0];
    if (entry === undefined || entry.dueMs > endMs) return false;
    this.#pop();
    this.#nowMs = Math.max(this.#nowMs, entry.dueMs);
    entry.callback();
    return true;
  }

  #dropCancelled(): void {
    while (this.#heap[0]?.cancelled === true) this.#pop();
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isEarlier(heap[parent]!, entry)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isEarlier(heap[child + 1]!, heap[child]!)) child++;
      if (isEarlier(last, heap[child]!)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

/** Lets promises settle that wait for other promises only: several turns of the microtask queue and one of the loop. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

function isEarlier(a: Entry, b: Entry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

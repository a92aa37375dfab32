import type { Clock, Timer } from '@sealane/types';
import { TokenBucket } from './token-bucket.js';

/** What can be spent at once, in milliseconds of work, before the share holds. */
const BURST_MS = 25;
/** After it what else is ready in this turn of the event loop has its turn first: forwarding must not wait for strangers. */
const SLICE_MS = 2;

export interface FairQueueOptions {
  /** What a task costs the process beside the time it takes, in milliseconds: reads, writes and the kernel's share. */
  readonly extraMs?: number;
}

/**
 * Runs what strangers make the relay do within a share of one core, measured; a share of 1 is no limit. What is over waits, group by group in turn,
 * so that whoever asks for little does not wait for who asks for much. The caller bounds the queue.
 */
export class FairQueue {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  readonly #extraMs: number;
  /** The group whose turn is next comes first. */
  readonly #groups = new Map<unknown, Set<() => void>>();
  #isUnlimited: boolean;
  #length = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, cpuShare: number, { extraMs = 0 }: FairQueueOptions = {}) {
    this.#clock = clock;
    this.#extraMs = extraMs;
    this.#isUnlimited = cpuShare >= 1;
    this.#bucket = new TokenBucket(ratePerSecond(cpuShare), BURST_MS, clock.nowMs());
  }

  get length(): number {
    return this.#length;
  }

  /** How many of this group wait. */
  waitingOf(group: unknown): number {
    return this.#groups.get(group)?.size ?? 0;
  }

  /** Another share from now on, for what waits as well. */
  setShare(cpuShare: number): void {
    this.#isUnlimited = cpuShare >= 1;
    this.#bucket.change(ratePerSecond(cpuShare), BURST_MS, this.#clock.nowMs());
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#schedule();
  }

  /** Nothing waits, and there is something left of the share. */
  get isIdle(): boolean {
    return this.#length === 0 && this.#waitMs(this.#clock.nowMs()) === 0;
  }

  /** Runs `task` now or later. The returned function takes it out again. */
  submit(task: () => void, group?: unknown): () => void {
    if (this.isIdle) {
      this.measure(task);
      return () => {};
    }
    const entry = () => task();
    const waiting = this.#groups.get(group);
    if (waiting === undefined) this.#groups.set(group, new Set([entry]));
    else waiting.add(entry);
    this.#length++;
    this.#schedule();
    return () => this.#remove(group, entry);
  }

  /** Does at once what cannot wait, at the expense of what can. */
  measure(task: () => void): void {
    const startMs = this.#clock.nowMs();
    try {
      task();
    } finally {
      const endMs = this.#clock.nowMs();
      this.#bucket.charge(endMs - startMs + this.#extraMs, endMs);
    }
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#groups.clear();
    this.#length = 0;
  }

  #waitMs(nowMs: number): number {
    return this.#isUnlimited ? 0 : this.#bucket.waitMs(nowMs);
  }

  #remove(group: unknown, entry: () => void): void {
    const waiting = this.#groups.get(group);
    if (waiting?.delete(entry) !== true) return;
    this.#length--;
    if (waiting.size === 0) this.#groups.delete(group);
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#length === 0) return;
    this.#timer = this.#clock.schedule(Math.max(1, this.#waitMs(this.#clock.nowMs())), () => {
      this.#timer = undefined;
      try {
        this.#runSlice();
      } finally {
        this.#schedule();
      }
    });
  }

  #runSlice(): void {
    const startMs = this.#clock.nowMs();
    for (let nowMs = startMs; this.#length > 0; nowMs = this.#clock.nowMs()) {
      if (nowMs - startMs >= SLICE_MS || this.#waitMs(nowMs) > 0) return;
      this.measure(this.#takeNext());
    }
  }

  #takeNext(): () => void {
    for (const [group, waiting] of this.#groups) {
      this.#groups.delete(group);
      for (const entry of waiting) {
        waiting.delete(entry);
        this.#length--;
        // Behind all others.
        if (waiting.size > 0) this.#groups.set(group, waiting);
        return entry;
      }
    }
    return () => {};
  }
}

/** Milliseconds of work per second. */
function ratePerSecond(cpuShare: number): number {
  return Math.max(cpuShare, 0.001) * 1_000;
}

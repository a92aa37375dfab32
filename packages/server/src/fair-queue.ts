import type { Clock, Timer } from '@sealane/types';
import { TokenBucket } from './token-bucket.js';

/** What can be spent at once, in milliseconds of work, before the share holds. */
const BURST_MS = 25;
/** So much in one turn of the event loop, and what else is ready has its turn first: forwarding must not wait for strangers. */
const SLICE_MS = 2;
/** The shortest that a timer takes, and so the time to the next turn. */
const TURN_MS = 1;

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
  /** Of the present turn. */
  #spentMs = 0;
  #timer: Timer | undefined;
  #nextTurn: Timer | undefined;

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

  /** Nothing waits, and there is something left of the share and of this turn. */
  get isIdle(): boolean {
    return this.#length === 0 && !this.#isTurnOver && this.#waitMs(this.#clock.nowMs()) === 0;
  }

  /** What is done from now on is beyond the share, and not only beyond this turn. */
  get isOverShare(): boolean {
    return this.#waitMs(this.#clock.nowMs()) > 0;
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
      const costMs = endMs - startMs + this.#extraMs;
      this.#bucket.charge(costMs, endMs);
      this.#spend(costMs);
    }
  }

  close(): void {
    for (const timer of [this.#timer, this.#nextTurn]) timer?.cancel();
    this.#timer = undefined;
    this.#nextTurn = undefined;
    this.#groups.clear();
    this.#length = 0;
  }

  #waitMs(nowMs: number): number {
    return this.#isUnlimited ? 0 : this.#bucket.waitMs(nowMs);
  }

  get #isTurnOver(): boolean {
    return !this.#isUnlimited && this.#spentMs >= SLICE_MS;
  }

  #spend(costMs: number): void {
    if (this.#isUnlimited) return;
    this.#spentMs += costMs;
    this.#nextTurn ??= this.#clock.schedule(TURN_MS, () => {
      this.#nextTurn = undefined;
      this.#spentMs = 0;
    });
  }

  #remove(group: unknown, entry: () => void): void {
    const waiting = this.#groups.get(group);
    if (waiting?.delete(entry) !== true) return;
    this.#length--;
    if (waiting.size === 0) this.#groups.delete(group);
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#length === 0) return;
    this.#timer = this.#clock.schedule(Math.max(TURN_MS, this.#waitMs(this.#clock.nowMs())), () => {
      this.#timer = undefined;
      try {
        this.#runSlice();
      } finally {
        this.#schedule();
      }
    });
  }

  #runSlice(): void {
    // A share that has become unlimited ends a line all the same in slices.
    let doneMs = 0;
    while (this.#length > 0 && doneMs < SLICE_MS) {
      const nowMs = this.#clock.nowMs();
      if (this.#isTurnOver || this.#waitMs(nowMs) > 0) return;
      this.measure(this.#takeNext());
      doneMs += this.#clock.nowMs() - nowMs;
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

import type { Clock, Timer } from '@sealane/types';
import { TokenBucket } from './token-bucket.js';

/** What can be spent at once, in milliseconds of work, before the share holds. */
const BURST_MS = 250;

/**
 * Runs the costly checks of strangers within a share of one core, measured: what is over waits in order. The queue is
 * as long as there are unauthenticated sockets, which are limited in number and time.
 */
export class AuthQueue {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  readonly #waiting = new Set<() => void>();
  #timer: Timer | undefined;

  constructor(clock: Clock, cpuShare: number) {
    this.#clock = clock;
    this.#bucket = new TokenBucket(ratePerSecond(cpuShare), BURST_MS, clock.nowMs());
  }

  get length(): number {
    return this.#waiting.size;
  }

  /** Another share from now on, for what waits as well. */
  setShare(cpuShare: number): void {
    this.#bucket.change(ratePerSecond(cpuShare), BURST_MS, this.#clock.nowMs());
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#schedule();
  }

  /** Runs `task` now or later. The returned function takes it out again. */
  submit(task: () => void): () => void {
    if (this.#waiting.size === 0 && this.#bucket.waitMs(this.#clock.nowMs()) === 0) {
      this.#run(task);
      return () => {};
    }
    const entry = () => task();
    this.#waiting.add(entry);
    this.#schedule();
    return () => this.#waiting.delete(entry);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #run(task: () => void): void {
    const startMs = this.#clock.nowMs();
    task();
    const endMs = this.#clock.nowMs();
    this.#bucket.charge(endMs - startMs, endMs);
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#waiting.size === 0) return;
    this.#timer = this.#clock.schedule(this.#bucket.waitMs(this.#clock.nowMs()), () => {
      this.#timer = undefined;
      for (const task of this.#waiting) {
        if (this.#bucket.waitMs(this.#clock.nowMs()) > 0) break;
        this.#waiting.delete(task);
        this.#run(task);
      }
      this.#schedule();
    });
  }
}

/** Milliseconds of work per second. */
function ratePerSecond(cpuShare: number): number {
  return Math.max(cpuShare, 0.001) * 1_000;
}

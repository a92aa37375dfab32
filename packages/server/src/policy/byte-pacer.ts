import type { Clock, Timer } from '@sealane/types';
import type { Paced, RateBucket } from './rate-bucket.js';

/** Shorter waits are rounded up, so that many slow streams cost few wake-ups. */
const MIN_WAIT_MS = 5;
/** Rates may change and others may come, so no sleep is long. */
const MAX_WAIT_MS = 250;

/** Wakes who waits for bytes per second: one timer for all of them, and none while nobody waits. */
export class BytePacer {
  readonly #clock: Clock;
  readonly #buckets = new Set<RateBucket>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wait(bucket: RateBucket, paced: Paced): void {
    bucket.waiting.add(paced);
    this.#buckets.add(bucket);
    this.#schedule();
  }

  stopWaiting(bucket: RateBucket, paced: Paced): void {
    bucket.waiting.delete(paced);
    if (bucket.waiting.size === 0) this.#buckets.delete(bucket);
    if (this.#buckets.size === 0) this.close();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#buckets.clear();
  }

  #run(): void {
    const nowMs = this.#clock.nowMs();
    for (const bucket of this.#buckets) {
      // Who has more to send comes back at the end of the line.
      for (const paced of bucket.waiting) {
        if (bucket.waitMs(nowMs) > 0) break;
        bucket.waiting.delete(paced);
        paced.resume(nowMs);
      }
      if (bucket.waiting.size === 0) this.#buckets.delete(bucket);
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#buckets.size === 0) return;
    const nowMs = this.#clock.nowMs();
    let waitMs = MAX_WAIT_MS;
    for (const bucket of this.#buckets) {
      waitMs = Math.min(waitMs, bucket.waitMs(nowMs));
      if (waitMs <= MIN_WAIT_MS) break;
    }
    this.#timer = this.#clock.schedule(Math.max(MIN_WAIT_MS, waitMs), () => {
      this.#timer = undefined;
      this.#run();
    });
  }
}

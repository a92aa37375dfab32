import type { Clock } from '@sealane/types';

/** A rate with a burst, refilled when it is asked; it needs no timer. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #perSecond: number;
  #tokens: number;
  #filledMs: number;

  constructor(clock: Clock, capacity: number, perSecond: number) {
    this.#clock = clock;
    this.#capacity = capacity;
    this.#perSecond = perSecond;
    this.#tokens = capacity;
    this.#filledMs = clock.nowMs();
  }

  /** Takes one token if there is one. */
  tryTake(): boolean {
    const nowMs = this.#clock.nowMs();
    const refill = ((nowMs - this.#filledMs) / 1_000) * this.#perSecond;
    this.#tokens = Math.min(this.#capacity, this.#tokens + Math.max(0, refill));
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

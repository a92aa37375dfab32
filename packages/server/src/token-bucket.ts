/**
 * Tokens that fill at a steady rate up to a capacity. Time is an argument: a bucket owns no timer.
 * It may be overdrawn by {@link charge}, for work whose cost is known only afterwards.
 */
export class TokenBucket {
  #ratePerMs: number;
  #capacity: number;
  #tokens: number;
  #filledAtMs: number;

  constructor(ratePerSecond: number, capacity: number, nowMs: number) {
    this.#ratePerMs = ratePerSecond / 1_000;
    this.#capacity = capacity;
    this.#tokens = capacity;
    this.#filledAtMs = nowMs;
  }

  /** Takes `amount` if all of it is there. */
  tryTake(nowMs: number, amount = 1): boolean {
    this.#fill(nowMs);
    if (this.#tokens < amount) return false;
    this.#tokens -= amount;
    return true;
  }

  /** Takes `amount` whether it is there or not. */
  charge(amount: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#tokens -= amount;
  }

  /** Milliseconds until the level is above zero; 0 if it is now. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    if (this.#tokens > 0) return 0;
    return Math.ceil((1 - Math.min(0, this.#tokens)) / this.#ratePerMs);
  }

  /** Milliseconds until `amount` can be taken; 0 if it can be now. */
  waitForMs(amount: number, nowMs: number): number {
    this.#fill(nowMs);
    return this.#tokens >= amount ? 0 : Math.ceil((amount - this.#tokens) / this.#ratePerMs);
  }

  isFull(nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#tokens >= this.#capacity;
  }

  /** Other rate and capacity from now on; what is there stays, up to the capacity. */
  change(ratePerSecond: number, capacity: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#ratePerMs = ratePerSecond / 1_000;
    this.#capacity = capacity;
    this.#tokens = Math.min(this.#tokens, capacity);
  }

  #fill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#filledAtMs = nowMs;
    this.#tokens = Math.min(this.#capacity, this.#tokens + elapsedMs * this.#ratePerMs);
  }
}

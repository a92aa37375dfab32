import type { Clock } from '@sealane/types';

/** Attempts that fail at once, and the time after which one more may. */
const BURST = 10;
const REFILL_MS = 3_000;
/** Addresses that are remembered: those that failed last. */
const MAX_ADDRESSES = 10_000;

interface Attempts {
  readonly left: number;
  readonly atMs: number;
  readonly isTold: boolean;
}

/**
 * Slows down who tries tokens, by address. Whoever has failed too often is not even looked at, also with a token that
 * holds: what they learn from an answer has a rate.
 */
export class LoginThrottle {
  readonly #clock: Clock;
  readonly #byAddress = new Map<string, Attempts>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds until an attempt is looked at; 0: now. */
  waitMs(address: string): number {
    const attempts = this.#byAddress.get(address);
    if (attempts === undefined) return 0;
    const left = this.#refilled(attempts);
    return left >= 1 ? 0 : Math.ceil((1 - left) * REFILL_MS);
  }

  /** Counts a failure. True if the next ones are not looked at, once until the address was good for a while. */
  failed(address: string): boolean {
    const before = this.#byAddress.get(address);
    const held = before === undefined ? BURST : this.#refilled(before);
    const wasTold = before?.isTold === true && held < BURST;
    const left = held - 1;
    const isOver = left < 1;
    this.#byAddress.delete(address);
    if (this.#byAddress.size >= MAX_ADDRESSES) {
      for (const oldest of this.#byAddress.keys()) {
        this.#byAddress.delete(oldest);
        break;
      }
    }
    this.#byAddress.set(address, { left, atMs: this.#clock.nowMs(), isTold: wasTold || isOver });
    return isOver && !wasTold;
  }

  #refilled({ left, atMs }: Attempts): number {
    return Math.min(BURST, left + (this.#clock.nowMs() - atMs) / REFILL_MS);
  }
}

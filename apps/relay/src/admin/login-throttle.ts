import type { Clock } from '@sealane/types';

/** Attempts that fail at once, and the time after which one more may. */
const BURST = 10;
const REFILL_MS = 3_000;
/** Addresses that are remembered: those that failed last; and pairs of an address and a token that was right from there. */
const MAX_ADDRESSES = 10_000;

interface Attempts {
  readonly left: number;
  readonly atMs: number;
  readonly isTold: boolean;
}

/**
 * Slows down who tries tokens, by address. Whoever has failed too often is not even looked at, also with a token that
 * holds: what they learn from an answer has a rate. A token that was right from there before is looked at all the same, so
 * that nobody keeps those out who share an address with them.
 */
export class LoginThrottle {
  readonly #clock: Clock;
  readonly #byAddress = new Map<string, Attempts>();
  /** Pairs; the oldest first. */
  readonly #known = new Map<string, true>();

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
    putLast(this.#byAddress, address, { left, atMs: this.#clock.nowMs(), isTold: wasTold || isOver });
    return isOver && !wasTold;
  }

  /** An address and the id of a token that was right from there, as one text. */
  passed(pair: string): void {
    putLast(this.#known, pair, true);
  }

  /** Whether it was so before. */
  isKnown(pair: string): boolean {
    return this.#known.has(pair);
  }

  #refilled({ left, atMs }: Attempts): number {
    return Math.min(BURST, left + (this.#clock.nowMs() - atMs) / REFILL_MS);
  }
}

function putLast<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  const [oldest] = map.keys();
  if (map.size >= MAX_ADDRESSES && oldest !== undefined) map.delete(oldest);
  map.set(key, value);
}

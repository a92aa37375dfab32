import { MessageKind, RelayCode, relayError, type SealaneError } from '@sealane/types';
import type { RelayConfig } from './relay-config.js';
import { TokenBucket } from './token-bucket.js';

/** A REGISTER makes the relay check two signatures; the answer to a LIST is a hundred times as large as its question. */
const REGISTER_COST = 10;
const LIST_COST = 2;
/** One signature, of a ticket. */
const PRESENT_COST = 5;
const MAX_WAIT_MS = 60_000;
/** Answers of BUSY for going too fast. Who goes on all the same makes the relay work for nothing. */
const BUSY_BURST = 2_000;
const BUSY_PER_SECOND = 100;

/** What a request counts as in rates of requests. */
export function requestCost(kind: MessageKind): number {
  if (kind === MessageKind.REGISTER) return REGISTER_COST;
  if (kind === MessageKind.PRESENT) return PRESENT_COST;
  return kind === MessageKind.LIST ? LIST_COST : 1;
}

/** How fast one link may ask, and how often it is told that it asks too fast. */
export class LinkRates {
  readonly #config: RelayConfig;
  /** Both made for a client that needs them: most links are idle. */
  #requests: TokenBucket | undefined;
  #patience: TokenBucket | undefined;

  constructor(config: RelayConfig) {
    this.#config = config;
  }

  /** The rate is another one from now on. */
  applyLimits(): void {
    const rate = this.#config.limits.requestsPerLinkPerSecond;
    this.#requests?.change(rate, Math.max(rate, REGISTER_COST), this.#config.clock.nowMs());
  }

  /** Counts a request that may be answered now; else BUSY, with the milliseconds after which one may be. */
  ask(kind: MessageKind): SealaneError | undefined {
    const cost = requestCost(kind);
    const rate = this.#config.limits.requestsPerLinkPerSecond;
    const nowMs = this.#config.clock.nowMs();
    this.#requests ??= new TokenBucket(rate, Math.max(rate, REGISTER_COST), nowMs);
    if (this.#requests.tryTake(nowMs, cost)) return undefined;
    const value = Math.ceil(Math.min(MAX_WAIT_MS, (cost / rate) * 1_000));
    return relayError(RelayCode.BUSY, 'too many requests per second', { details: { value } });
  }

  /** About once a second: what is full again says nothing. */
  rest(nowMs: number): void {
    if (this.#requests?.isFull(nowMs) === true) this.#requests = undefined;
    if (this.#patience?.isFull(nowMs) === true) this.#patience = undefined;
  }

  /** False for a client that goes on above its rate however often it was told; `weight` is for how many times this is. */
  mayBeTold(weight: number): boolean {
    const nowMs = this.#config.clock.nowMs();
    this.#patience ??= new TokenBucket(BUSY_PER_SECOND, BUSY_BURST, nowMs);
    return this.#patience.tryTake(nowMs, weight);
  }
}

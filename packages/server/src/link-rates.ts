import type { RelayConfig } from './relay-config.js';
import { TokenBucket } from './token-bucket.js';

/** A REGISTER makes the relay check two signatures. */
const REGISTER_COST = 10;
/** Answers of BUSY for going too fast. Who goes on all the same makes the relay work for nothing. */
const BUSY_BURST = 2_000;
const BUSY_PER_SECOND = 100;

/** How fast one link may ask, and how often it is told that it asks too fast. */
export class LinkRates {
  readonly #config: RelayConfig;
  readonly #requests: TokenBucket;
  readonly #patience: TokenBucket;

  constructor(config: RelayConfig) {
    this.#config = config;
    const rate = config.limits.requestsPerLinkPerSecond;
    const nowMs = config.clock.nowMs();
    this.#requests = new TokenBucket(rate, Math.max(rate, REGISTER_COST), nowMs);
    this.#patience = new TokenBucket(BUSY_PER_SECOND, BUSY_BURST, nowMs);
  }

  mayAsk(isRegister: boolean): boolean {
    return this.#requests.tryTake(this.#config.clock.nowMs(), isRegister ? REGISTER_COST : 1);
  }

  /** False for a client that goes on above its rate however often it was told. */
  mayBeTold(): boolean {
    return this.#patience.tryTake(this.#config.clock.nowMs());
  }
}

import { RelayCode, relayError } from '@sealane/types';
import type { RelayLink } from './link.js';
import type { LimitedPart } from './live-limits.js';
import type { RelayConfig } from './relay-config.js';
import { TokenBucket } from './token-bucket.js';

interface Usage {
  readonly links: Set<RelayLink>;
  sessions: number;
  connects: TokenBucket | undefined;
}

/** What each client key uses of the relay, against the limits per identity. */
export class IdentityUsage implements LimitedPart {
  readonly #config: RelayConfig;
  readonly #usages = new Map<string, Usage>();

  constructor(config: RelayConfig) {
    this.#config = config;
  }

  /** @throws ERR_RELAY_LIMIT */
  addLink(link: RelayLink): void {
    const usage = this.#of(link.clientId);
    if (usage.links.size >= this.#config.limits.linksPerIdentity) {
      throw relayError(RelayCode.LIMIT, 'this identity has too many links');
    }
    usage.links.add(link);
  }

  removeLink(link: RelayLink): void {
    this.#usages.get(link.clientId)?.links.delete(link);
    this.#forgetIfIdle(link.clientId);
  }

  /** Of an identity with too many links the newest go; all rates are the new one. */
  applyLimits(): void {
    const { limits, clock } = this.#config;
    const rate = limits.connectsPerIdentityPerSecond;
    for (const usage of [...this.#usages.values()]) {
      usage.connects?.change(rate, Math.max(1, rate), clock.nowMs());
      for (const link of [...usage.links].slice(limits.linksPerIdentity)) {
        link.fail(relayError(RelayCode.LIMIT, 'this identity has too many links'));
      }
    }
  }

  /** One CONNECT more; false above the rate. */
  tryConnect(id: string): boolean {
    const usage = this.#of(id);
    const nowMs = this.#config.clock.nowMs();
    const rate = this.#config.limits.connectsPerIdentityPerSecond;
    usage.connects ??= new TokenBucket(rate, Math.max(1, rate), nowMs);
    return usage.connects.tryTake(nowMs);
  }

  /** Counts a session for both of its identities, or for none and returns false. */
  tryAddSession(dialer: string, owner: string): boolean {
    const limit = this.#config.limits.sessionsPerIdentity;
    const [first, second] = [this.#of(dialer), this.#of(owner)];
    if (first.sessions >= limit || second.sessions >= limit) return false;
    first.sessions++;
    if (second !== first) second.sessions++;
    return true;
  }

  removeSession(dialer: string, owner: string): void {
    for (const id of new Set([dialer, owner])) {
      const usage = this.#usages.get(id);
      if (usage === undefined) continue;
      usage.sessions--;
      this.#forgetIfIdle(id);
    }
  }

  #of(id: string): Usage {
    let usage = this.#usages.get(id);
    if (usage === undefined) {
      usage = { links: new Set(), sessions: 0, connects: undefined };
      this.#usages.set(id, usage);
    }
    return usage;
  }

  #forgetIfIdle(id: string): void {
    const usage = this.#usages.get(id);
    if (usage !== undefined && usage.links.size === 0 && usage.sessions === 0) this.#usages.delete(id);
  }
}

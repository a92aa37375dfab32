import { RelayCode, relayError, type SealaneError } from '@sealane/types';
import type { LeaseManager, ServedLease } from '../lease-manager.js';
import type { RelayLink } from '../link.js';
import type { LimitedPart } from '../live-limits.js';
import { describeFault } from '../refusals.js';
import type { RelayConfig } from '../relay-config.js';
import type { SocketLimits } from '../socket-limits.js';
import { wireRefusal } from '../wire-refusal.js';
import type { Ban } from './ban.js';
import { banError } from './ban-list.js';
import { refuseLease } from './lease-rules.js';
import type { Usage } from './usage.js';
import type { UsagePolicy } from './usage-policy.js';

export interface PolicyEnforcerParts {
  readonly config: RelayConfig;
  readonly usage: UsagePolicy;
  readonly sockets: SocketLimits;
  readonly leases: LeaseManager;
  /** In the order in which they came. */
  readonly links: ReadonlySet<RelayLink>;
}

/**
 * Makes a changed rule act on what is open: a new ban, a lowered limit, names that are reserved from now on. Whoever
 * loses something is told the code and the reason that they would get if they asked now.
 */
export class PolicyEnforcer implements LimitedPart {
  readonly #parts: PolicyEnforcerParts;

  constructor(parts: PolicyEnforcerParts) {
    this.#parts = parts;
  }

  onBan(ban: Ban): void {
    const { sockets, config, links } = this.#parts;
    if (ban.kind === 'address' || ban.kind === 'network') {
      sockets.dropBanned();
      return;
    }
    this.recheckLeases();
    if (ban.kind !== 'id') return;
    for (const link of [...links]) {
      if (link.isUp && link.clientId === ban.value) this.#dismiss(link, banError(ban, config.clock.wallMs()));
    }
  }

  /** Of too many links of an identity, and of too many leases, the newest go. */
  applyLimits(): void {
    this.#dropExcessLinks();
    this.recheckLeases();
  }

  /** Asks of every lease again whether it may be in force. */
  recheckLeases(): void {
    const { config, leases } = this.#parts;
    const counts = new Map<Usage, number>();
    for (const served of leases.served()) {
      if (!served.link.isUp) continue;
      const refusal = refuseLease(config, served.record) ?? this.#excess(served, counts);
      if (refusal === undefined) continue;
      leases.deny(served).catch((error: unknown) => {
        config.reporter.event({ type: 'fault', code: 'ERR_INTERNAL', message: describeFault(error) });
      });
      // Its other leases come back with its next link; of this one the owner is told there.
      this.#dismiss(served.link, refusal);
    }
  }

  #excess(served: ServedLease, counts: Map<Usage, number>): SealaneError | undefined {
    const { usage } = this.#parts;
    const usages = [usage.identities.find(served.record.id), served.link.origin.usage];
    for (const each of usages) {
      if (each === undefined) continue;
      const count = (counts.get(each) ?? 0) + 1;
      if (count > each.limits.leases) return relayError(RelayCode.LIMIT, 'too many leases');
      counts.set(each, count);
    }
    return undefined;
  }

  #dropExcessLinks(): void {
    const counts = new Map<string, number>();
    const most = this.#parts.config.limits.linksPerIdentity;
    for (const link of [...this.#parts.links]) {
      if (!link.isUp) continue;
      const count = (counts.get(link.clientId) ?? 0) + 1;
      counts.set(link.clientId, count);
      if (count > most) this.#dismiss(link, relayError(RelayCode.LIMIT, 'this identity has too many links'));
    }
  }

  #dismiss(link: RelayLink, error: SealaneError): void {
    this.#parts.config.reporter.refused(wireRefusal(error).code, 'link');
    link.dismiss(error);
  }
}

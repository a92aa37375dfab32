import { ResetCode } from '@sealane/types';
import type { ForwardingHandler } from './forwarding-handler.js';
import type { LeaseManager } from './lease-manager.js';
import type { PolicyEnforcer } from './policy/policy-enforcer.js';
import type { RelayConfig } from './relay-config.js';

export interface OperatedParts {
  readonly config: RelayConfig;
  readonly leases: LeaseManager;
  readonly forwarding: ForwardingHandler;
  readonly enforcer: PolicyEnforcer;
}

/**
 * What the operator ends by hand. It ends at once, and for as long as clients try to come back by themselves, 65 s, they do
 * not: another path of the session is refused, and the lease with DENIED, which its owner takes as final.
 */
export class RelayOperations {
  readonly #parts: OperatedParts;

  constructor(parts: OperatedParts) {
    this.#parts = parts;
  }

  /** Ends the relayed session of this number, as lists have it; false if there is none. */
  endSession(number: number): boolean {
    const { forwarding, config } = this.#parts;
    for (const session of forwarding.sessions()) {
      const { ends } = session;
      if (ends.number !== number) continue;
      config.operatorEnds.addSession(ends.dialerLink, ends.lease);
      session.end(ResetCode.GONE);
      return true;
    }
    return false;
  }

  /** Ends leases of an identity, that of `service` or all, and what goes on under them; how many there were. */
  endLeases(id: string, service: string | undefined, reason = ''): number {
    const { leases, config, enforcer } = this.#parts;
    const meant = leases
      .served()
      .filter(({ record }) => record.id === id && (service === undefined || record.service === service));
    for (const { record } of meant) config.operatorEnds.addLease(record, reason);
    if (meant.length > 0) enforcer.recheckLeases();
    return meant.length;
  }
}

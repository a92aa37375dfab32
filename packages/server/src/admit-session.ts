import { RelayCode } from '@sealane/types';
import type { AdmissionGate } from './admission-gate.js';
import type { ServedLease } from './lease-manager.js';
import type { RelayLink } from './link.js';
import type { SessionUse } from './policy/session-use.js';
import type { CountedTicket } from './policy/ticket-use-store.js';
import type { UsagePolicy } from './policy/usage-policy.js';
import type { RelayConfig } from './relay-config.js';

export interface AdmittedSession {
  readonly lease: ServedLease;
  readonly use: SessionUse;
  readonly ticket: CountedTicket | undefined;
}

export interface SessionRefusal {
  readonly code: RelayCode;
  readonly text: string;
}

interface SessionQuestion {
  readonly link: RelayLink;
  readonly lease: ServedLease | undefined;
  readonly isResume: boolean;
}

/** The lease that a request may be forwarded to, its session counted; or why it may not. */
export function admitSession(
  { limits, budget, clock, operatorEnds }: RelayConfig,
  { usage, gate }: { readonly usage: UsagePolicy; readonly gate: AdmissionGate },
  { link, lease, isResume }: SessionQuestion,
): AdmittedSession | SessionRefusal {
  if (lease === undefined) return { code: RelayCode.NO_OWNER, text: '' };
  if (isResume && operatorEnds.hasSession(link, lease)) {
    return { code: RelayCode.NO_SESSION, text: 'the operator of the relay ended it' };
  }
  const isInRate = lease.connects === undefined || lease.connects.tryTake(clock.nowMs());
  if (lease.load.waiting >= limits.waitingAcceptsPerLease || !usage.connectTo(lease) || !isInRate) {
    return { code: RelayCode.BUSY, text: 'the owner has too many requests' };
  }
  if (budget.refusesStreams) return { code: RelayCode.BUSY, text: 'the relay is short of memory' };
  if (lease.load.uses.size >= (lease.limits?.sessions ?? Number.POSITIVE_INFINITY)) {
    return { code: RelayCode.LIMIT, text: 'the owner has as many sessions as it may' };
  }
  const shown = gate.tickets.check(link, lease.record, isResume);
  if (!shown.isAdmitted) return shown;
  const use = usage.addSession(link, lease);
  if (typeof use !== 'string') return { lease, use, ticket: shown.use };
  gate.tickets.giveBack(shown.use);
  return { code: RelayCode.LIMIT, text: use };
}

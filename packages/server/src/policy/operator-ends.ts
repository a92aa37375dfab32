import { type Clock, RelayCode, ResumptionLimit, relayError, type SealaneError } from '@sealane/types';
import { leaseKey } from '../lease-key.js';
import type { ServedLease } from '../lease-manager.js';
import type { LeaseRecord } from '../lease-store.js';
import type { RelayLink } from '../link.js';

/** Nobody looks for another path for longer: who is kept away until then has given up. */
const HELD_MS = ResumptionLimit.giveUpMs + 5_000;
/** Beyond them the oldest is let back in early. */
const MAX_HELD = 10_000;

/**
 * What an operator ended by hand. Clients come back by themselves, so for as long as they try the same is refused again: the
 * lease, and other paths of the session. Then everything is as before; who is to stay away is banned.
 */
export class OperatorEnds {
  readonly #clock: Clock;
  readonly #leases = new Map<string, { readonly untilMs: number; readonly reason: string }>();
  readonly #sessions = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  addLease({ identity, service }: LeaseRecord, reason: string): void {
    put(this.#leases, leaseKey(identity, service), { untilMs: this.#clock.nowMs() + HELD_MS, reason });
  }

  addSession(dialer: RelayLink, lease: ServedLease): void {
    put(this.#sessions, sessionKey(dialer, lease), this.#clock.nowMs() + HELD_MS);
  }

  /** DENIED, for a lease that was ended a moment ago. */
  refuseLease({ identity, service }: LeaseRecord): SealaneError | undefined {
    if (this.#leases.size === 0) return undefined;
    const ended = this.#leases.get(leaseKey(identity, service));
    if (ended === undefined || ended.untilMs <= this.#clock.nowMs()) return undefined;
    const why = ended.reason === '' ? '' : `: ${ended.reason}`;
    return relayError(RelayCode.DENIED, `the operator of the relay ended this lease${why}`);
  }

  /** Whether another path of this dialer to that owner is one of a session that was ended a moment ago. */
  hasSession(dialer: RelayLink, lease: ServedLease): boolean {
    if (this.#sessions.size === 0) return false;
    return (this.#sessions.get(sessionKey(dialer, lease)) ?? 0) > this.#clock.nowMs();
  }
}

/** The last one is the newest: what was there before is put at the end. */
function put<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > MAX_HELD && oldest !== undefined) map.delete(oldest);
}

/** A relay cannot tell which session a path is of: those of one link to one lease are the nearest that it can. */
function sessionKey(dialer: RelayLink, { record }: ServedLease): string {
  return `${dialer.clientId} ${leaseKey(record.identity, record.service)}`;
}

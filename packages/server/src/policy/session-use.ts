import type { Usage } from './usage.js';

/** Whose usage a session counts in. */
export interface SessionParty {
  readonly identity: Usage;
  /** Undefined for an address that is exempt, and for links that have none. */
  readonly address: Usage | undefined;
}

/** A session, or a request for one, in the books of everybody whom it concerns. */
export class SessionUse {
  readonly dialer: SessionParty;
  readonly owner: SessionParty;
  readonly lease: Usage;
  #isCounted = true;

  constructor(dialer: SessionParty, owner: SessionParty, lease: Usage) {
    this.dialer = dialer;
    this.owner = owner;
    this.lease = lease;
    for (const usage of this.usages) usage.sessions++;
  }

  /** Each once, also where both sides are the same. */
  get usages(): ReadonlySet<Usage> {
    return usagesOf(this.dialer, this.owner, this.lease);
  }

  /** Takes it out of all books. Idempotent. */
  release(): void {
    if (!this.#isCounted) return;
    this.#isCounted = false;
    for (const usage of this.usages) usage.sessions--;
  }
}

export function usagesOf(dialer: SessionParty, owner: SessionParty, lease: Usage): ReadonlySet<Usage> {
  const all = [dialer.identity, dialer.address, owner.identity, owner.address, lease];
  return new Set(all.filter((usage) => usage !== undefined));
}

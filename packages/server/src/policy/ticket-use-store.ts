/** What is counted of a ticket. */
export interface CountedTicket {
  /** Text id of the owner. */
  readonly ownerId: string;
  readonly ticketId: string;
  readonly uses: number;
  /** Unix milliseconds after which the count may be forgotten. */
  readonly notAfterMs: number;
}

/**
 * How often tickets with a number of uses were used at this relay. A use is taken before the owner is asked and given
 * back if nothing came of it. Both happen in the middle of a request, so they answer at once, and do not throw.
 */
export interface TicketUseStore {
  /** Counts one use; `used-up`, or `full` where no further ticket can be counted. */
  take(ticket: CountedTicket): 'taken' | 'used-up' | 'full';
  giveBack(ticket: CountedTicket): void;
  /** Resolves when the uses that were taken before are safe: no session begins with one before that. Default: at once. */
  settled?(): Promise<void>;
  /** Forgets the tickets whose time is over. Called about once a minute. */
  expire(nowMs: number): void;
}

interface Count {
  readonly notAfterMs: number;
  readonly ownerId: string;
  used: number;
}

/** Counted tickets of one owner and of all: none of them takes the places of others. */
const MAX_PER_OWNER = 10_000;
const MAX_COUNTED = 100_000;

/** Counts in the memory of one process; the owner's own count outlives it. */
export class MemoryTicketUseStore implements TicketUseStore {
  readonly #counts = new Map<string, Count>();
  readonly #perOwner = new Map<string, number>();

  take(ticket: CountedTicket): 'taken' | 'used-up' | 'full' {
    const { ownerId, ticketId, uses, notAfterMs } = ticket;
    const key = `${ownerId} ${ticketId}`;
    let count = this.#counts.get(key);
    if (count === undefined) {
      const ofOwner = this.#perOwner.get(ownerId) ?? 0;
      if (ofOwner >= MAX_PER_OWNER || this.#counts.size >= MAX_COUNTED) return 'full';
      count = { notAfterMs, ownerId, used: 0 };
      this.#counts.set(key, count);
      this.#perOwner.set(ownerId, ofOwner + 1);
    }
    if (count.used >= uses) return 'used-up';
    count.used += 1;
    return 'taken';
  }

  giveBack({ ownerId, ticketId }: CountedTicket): void {
    const key = `${ownerId} ${ticketId}`;
    const count = this.#counts.get(key);
    if (count === undefined) return;
    count.used -= 1;
    if (count.used === 0) this.#forget(key, count);
  }

  expire(nowMs: number): void {
    for (const [key, count] of this.#counts) if (count.notAfterMs <= nowMs) this.#forget(key, count);
  }

  #forget(key: string, { ownerId }: Count): void {
    this.#counts.delete(key);
    const left = (this.#perOwner.get(ownerId) ?? 1) - 1;
    if (left === 0) this.#perOwner.delete(ownerId);
    else this.#perOwner.set(ownerId, left);
  }
}

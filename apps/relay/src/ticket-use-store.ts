import type { CountedTicket, TicketUseStore } from '@sealane/server/policy';
import type { RelayDatabase } from './database/relay-database.js';
import { describeError } from './error-line.js';

/** Counted tickets of one owner and of all: none of them takes the places of others. */
const MAX_PER_OWNER = 10_000;
const MAX_COUNTED = 100_000;
/** Forgotten in one step, and the pause after it: what runs out together must not hold up what others send. */
const EXPIRE_AT_ONCE = 500;
const EXPIRE_PAUSE_MS = 20;

/** Uses of tickets in the relay's database. How many tickets there are is counted here, so that nobody has to ask for it. */
export class DatabaseTicketUseStore implements TicketUseStore {
  readonly #database: RelayDatabase;
  readonly #onFault: (message: string) => void;
  readonly #perOwner: Map<string, number>;
  #count = 0;
  #isExpiring = false;

  constructor(database: RelayDatabase, onFault: (message: string) => void) {
    this.#database = database;
    this.#onFault = onFault;
    this.#perOwner = new Map(database.tickets.countByOwner());
    for (const count of this.#perOwner.values()) this.#count += count;
  }

  get count(): number {
    return this.#count;
  }

  /** A use that cannot be written is none. */
  take({ ownerId, ticketId, uses, notAfterMs }: CountedTicket): 'taken' | 'used-up' | 'full' {
    const { tickets } = this.#database;
    try {
      const isNew = tickets.usesOf(ownerId, ticketId) === 0;
      if (isNew && ((this.#perOwner.get(ownerId) ?? 0) >= MAX_PER_OWNER || this.#count >= MAX_COUNTED)) return 'full';
      if (!tickets.use(ownerId, ticketId, uses, notAfterMs)) return 'used-up';
      if (isNew) this.#add(ownerId, 1);
      return 'taken';
    } catch (error) {
      this.#onFault(describeError(error));
      return 'full';
    }
  }

  giveBack({ ownerId, ticketId }: CountedTicket): void {
    const { tickets } = this.#database;
    try {
      // It may have run out meanwhile.
      if (tickets.usesOf(ownerId, ticketId) === 0) return;
      if (tickets.giveBack(ownerId, ticketId) === 0) this.#add(ownerId, -1);
    } catch (error) {
      this.#onFault(describeError(error));
    }
  }

  settled(): Promise<void> {
    return this.#database.durable();
  }

  expire(nowMs: number): void {
    if (!this.#isExpiring) this.#expireSome(nowMs);
  }

  #expireSome(nowMs: number): void {
    this.#isExpiring = false;
    if (!this.#database.isOpen) return;
    try {
      const owners = this.#database.tickets.expire(nowMs, EXPIRE_AT_ONCE);
      for (const owner of owners) this.#add(owner, -1);
      if (owners.length < EXPIRE_AT_ONCE) return;
      this.#isExpiring = true;
      setTimeout(() => this.#expireSome(nowMs), EXPIRE_PAUSE_MS).unref();
    } catch (error) {
      this.#onFault(describeError(error));
    }
  }

  #add(owner: string, delta: 1 | -1): void {
    this.#count += delta;
    const left = (this.#perOwner.get(owner) ?? 0) + delta;
    if (left <= 0) this.#perOwner.delete(owner);
    else this.#perOwner.set(owner, left);
  }
}

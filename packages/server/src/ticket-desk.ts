import { decodeOpenTicket, type OpenTicket } from '@sealane/crypto/admission';
import { isSealaneError, LeaseFlag, LinkFeature, RelayCode, relayError, type SealaneError } from '@sealane/types';
import type { FairQueue } from './fair-queue.js';
import { leaseKey } from './lease-key.js';
import type { LeaseRecord } from './lease-store.js';
import type { RelayLink } from './link.js';
import type { CountedTicket, TicketUseStore } from './policy/ticket-use-store.js';
import type { RelayConfig } from './relay-config.js';

/** Tickets that one link may have shown; beyond them the oldest is forgotten. */
const MAX_TICKETS_PER_LINK = 64;
/** Tickets whose signatures are still to be checked, of all links. */
const MAX_WAITING = 2_000;
const EXPIRE_EVERY_MS = 60_000;

export type TicketVerdict =
  | { readonly isAdmitted: true; readonly use: CountedTicket | undefined }
  | { readonly isAdmitted: false; readonly code: RelayCode; readonly text: string };

/** Tickets that links have shown, and the requests that need them (v1.md, "Tickets"). */
export class TicketDesk {
  readonly #config: RelayConfig;
  readonly #uses: TicketUseStore;
  readonly #queue: FairQueue;
  /** Of each link, the oldest first. */
  readonly #shown = new Map<RelayLink, OpenTicket[]>();
  /** Why the ticket that a link showed last was not taken. */
  readonly #problems = new WeakMap<RelayLink, string>();
  #expiredMs = 0;

  constructor(config: RelayConfig, uses: TicketUseStore, queue: FairQueue) {
    this.#config = config;
    this.#uses = uses;
    this.#queue = queue;
  }

  /** Keeps a ticket for the requests of the link. The check of its signature waits for its share of a core. @throws ERR_RELAY_TICKET, _BUSY */
  async take(link: RelayLink, bytes: Uint8Array): Promise<void> {
    const known = this.#shown.get(link)?.find((ticket) => Buffer.compare(ticket.bytes, bytes) === 0);
    const ticket = known ?? (await this.#checked(link, bytes));
    if (ticket.notAfterMs <= this.#config.clock.wallMs()) throw this.#refusal(link, OVER);
    this.#problems.delete(link);
    if (!link.isUp) return;
    const shown = (this.#shown.get(link) ?? []).filter((other) => other.id !== ticket.id);
    if (shown.length >= MAX_TICKETS_PER_LINK) shown.shift();
    shown.push(ticket);
    this.#shown.set(link, shown);
  }

  removeLink(link: RelayLink): void {
    this.#shown.delete(link);
  }

  /**
   * Whether a request may go to the owner. For a new session a use of the ticket is taken, to be given back if the owner
   * does not accept; a session that resumes has begun already and only needs a ticket whose time is not over.
   */
  check(link: RelayLink, record: LeaseRecord, isResume: boolean): TicketVerdict {
    const isAsked = (record.flags & LeaseFlag.TICKETS) !== 0 && (this.#config.features & LinkFeature.ADMISSION) !== 0;
    if (!isAsked) return { isAdmitted: true, use: undefined };
    const nowMs = this.#config.clock.wallMs();
    const key = leaseKey(record.identity, record.service);
    let problem = this.#problems.get(link) ?? 'this service asks for a ticket of its owner';
    for (const ticket of [...(this.#shown.get(link) ?? [])].reverse()) {
      if (leaseKey(ticket.owner, ticket.service) !== key) continue;
      problem = OVER;
      if (ticket.notAfterMs <= nowMs) continue;
      if (isResume || ticket.uses === 0) return { isAdmitted: true, use: undefined };
      const { id: ticketId, uses, notAfterMs } = ticket;
      const use: CountedTicket = { ownerId: record.id, ticketId, uses, notAfterMs };
      const taken = this.#uses.take(use);
      if (taken === 'taken') return { isAdmitted: true, use };
      if (taken === 'full') return { isAdmitted: false, code: RelayCode.BUSY, text: 'too many tickets are in use' };
      problem = 'this ticket was used as often as it may be';
    }
    // Who does not know of tickets does not know the code either.
    const code = (link.features & LinkFeature.ADMISSION) === 0 ? RelayCode.DENIED : RelayCode.TICKET;
    return { isAdmitted: false, code, text: problem };
  }

  /** Resolves when a use that was taken just now is kept; undefined where there is nothing to wait for. */
  kept(use: CountedTicket | undefined): Promise<void> | undefined {
    return use === undefined ? undefined : this.#uses.settled?.();
  }

  giveBack(use: CountedTicket | undefined): void {
    if (use !== undefined) this.#uses.giveBack(use);
  }

  /** About once a second. */
  tick(nowMs: number): void {
    if (nowMs - this.#expiredMs < EXPIRE_EVERY_MS) return;
    this.#expiredMs = nowMs;
    this.#uses.expire(this.#config.clock.wallMs());
  }

  #refusal(link: RelayLink, problem: string): SealaneError {
    this.#problems.set(link, problem);
    return relayError(RelayCode.TICKET, problem);
  }

  #checked(link: RelayLink, bytes: Uint8Array): Promise<OpenTicket> {
    if (this.#queue.length >= MAX_WAITING) throw relayError(RelayCode.BUSY, 'too many tickets wait to be checked');
    return new Promise((resolve, reject) => {
      this.#queue.submit(() => {
        try {
          if (!link.isUp) throw relayError(RelayCode.BUSY, 'the link is gone');
          resolve(decodeOpenTicket(bytes));
        } catch (error) {
          reject(isSealaneError(error, 'ERR_TICKET_INVALID') ? this.#refusal(link, error.message) : error);
        }
      });
    });
  }
}

const OVER = 'the time of this ticket is over';

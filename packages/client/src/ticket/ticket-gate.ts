import { bytesEqual } from '@sealane/crypto';
import { decodeTicket, type Ticket } from '@sealane/crypto/admission';
import { parseId } from '@sealane/crypto/credential';
import { type Clock, isSealaneError, SealaneError, systemClock, type Timer } from '@sealane/types';
import type { ListenOptions } from '../options.js';
import type { AcceptDecision, AcceptPolicy, PeerRequest } from '../policy.js';
import type { SecureConnection } from '../session/secure-connection.js';
import { MemoryTicketUses, type TicketUses } from './ticket-uses.js';

export interface TicketGateOptions {
  /** The owner's id: its tickets are taken. */
  readonly id: string;
  /** Default ''. */
  readonly service?: string;
  /** Asked about who has a valid ticket; without it the ticket is enough. */
  readonly accept?: AcceptPolicy;
  /** Where uses are counted. Default: memory, which a restart empties. */
  readonly uses?: TicketUses;
  readonly clock?: Clock;
}

/** Timers cannot be set for longer. */
const MAX_TIMER_MS = 2_147_483_647;

/**
 * Lets in who shows a ticket of this owner (v1.md, "Tickets"): spread it into the options of `listen`. It checks every
 * ticket again that a relay let through, counts its uses when a session is confirmed, and ends the session when the time
 * of its ticket is over.
 */
export class TicketGate implements Pick<ListenOptions, 'accept' | 'confirm' | 'tickets'> {
  readonly tickets = true;
  readonly #options: TicketGateOptions;
  readonly #owner: Uint8Array;
  readonly #uses: TicketUses;
  readonly #clock: Clock;
  /** Whose session has begun: it is not counted again when it resumes. */
  readonly #confirmed = new WeakSet<PeerRequest>();

  /** Needs loaded cryptography. @throws ERR_ID_INVALID */
  constructor(options: TicketGateOptions) {
    this.#options = options;
    this.#owner = parseId(options.id);
    this.#clock = options.clock ?? systemClock;
    this.#uses = options.uses ?? new MemoryTicketUses(() => this.#clock.wallMs());
  }

  readonly accept = (peer: PeerRequest): AcceptDecision | Promise<AcceptDecision> => {
    const ticket = this.#valid(peer);
    if (typeof ticket === 'string') return { deny: ticket };
    return this.#options.accept?.(peer) ?? true;
  };

  readonly confirm = (peer: PeerRequest, connection: SecureConnection): boolean => {
    const ticket = this.#valid(peer);
    if (typeof ticket === 'string') return false;
    this.#confirmed.add(peer);
    if (ticket.uses > 0) this.#uses.add(ticket.id, ticket.notAfterMs);
    this.#endInTime(connection, ticket.notAfterMs);
    return true;
  };

  /** The ticket, or why it does not count. */
  #valid(peer: PeerRequest): Ticket | string {
    if (peer.ticket === undefined) return 'this service asks for a ticket';
    let ticket: Ticket;
    try {
      ticket = decodeTicket(peer.ticket);
    } catch (error) {
      if (isSealaneError(error, 'ERR_TICKET_INVALID')) return error.message;
      throw error;
    }
    if (!bytesEqual(ticket.owner, this.#owner)) return 'the ticket is of another owner';
    if (ticket.service !== (this.#options.service ?? '')) return 'the ticket is for another service';
    if (ticket.dialer !== undefined && !bytesEqual(ticket.dialer, parseId(peer.id))) {
      return 'the ticket is for another identity';
    }
    if (ticket.alpn !== undefined && peer.alpn.some((protocol) => protocol !== ticket.alpn)) {
      return 'the ticket is for another protocol';
    }
    if (ticket.notAfterMs <= this.#clock.wallMs()) return 'the time of this ticket is over';
    const isUsedUp = ticket.uses > 0 && this.#uses.used(ticket.id) >= ticket.uses;
    return isUsedUp && !this.#confirmed.has(peer) ? 'this ticket was used as often as it may be' : ticket;
  }

  /** By the clock on the wall, which may be set while the session lives. */
  #endInTime(connection: SecureConnection, notAfterMs: number): void {
    let timer: Timer | undefined;
    const look = (): void => {
      const leftMs = notAfterMs - this.#clock.wallMs();
      if (leftMs <= 0) connection.abort(new SealaneError('ERR_E2EE_DENIED', 'the time of this ticket is over'));
      else timer = this.#clock.schedule(Math.min(leftMs, MAX_TIMER_MS), look);
    };
    look();
    const stop = (): void => timer?.cancel();
    connection.closed.then(stop, stop);
  }
}

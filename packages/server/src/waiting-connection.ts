import type { MuxStream, StreamHandler } from '@sealane/mux';
import { RelayCode, ResetCode, SealaneError } from '@sealane/types';
import { EarlyData } from './early-data.js';
import type { RequestTrace } from './event.js';
import type { LeaseUse } from './lease-load.js';
import type { ServedLease } from './lease-manager.js';
import type { RelayLink } from './link.js';
import type { SessionUse } from './policy/session-use.js';
import type { CountedTicket } from './policy/ticket-use-store.js';

export interface WaitingParts {
  readonly dialerLink: RelayLink;
  readonly dialer: MuxStream;
  readonly owner: MuxStream;
  readonly lease: ServedLease;
  /** Its place in the books, which becomes the session's. */
  readonly use: SessionUse;
  readonly deadlineMs: number;
  /** When the request came, and when it went to the owner. */
  readonly sinceMs: number;
  readonly forwardedMs: number;
  readonly trace: RequestTrace;
  /** Message 1 of the handshake came with it. */
  readonly hasMessage1: boolean;
  readonly openBytes: number;
  /** It asks for a path of a session that there is. */
  readonly isResume: boolean;
  /** The use of a ticket that it took, and when that is kept. */
  readonly ticket: CountedTicket | undefined;
  readonly ticketKept: Promise<void> | undefined;
}

/** What becomes of a request that waits. */
export interface WaitingHandler {
  /** Refuses it and lets its owner know. */
  cancel(connection: WaitingConnection, code: RelayCode, ownerReset: ResetCode): void;
  /** The dialer went before there was an answer. */
  abandon(connection: WaitingConnection, code: number): void;
}

/** A CONNECT that was forwarded and has no answer yet; handles the dialer's stream meanwhile. */
export class WaitingConnection implements StreamHandler, LeaseUse {
  readonly dialerLink: RelayLink;
  readonly dialer: MuxStream;
  readonly owner: MuxStream;
  readonly lease: ServedLease;
  readonly use: SessionUse;
  readonly deadlineMs: number;
  readonly sinceMs: number;
  readonly forwardedMs: number;
  readonly trace: RequestTrace;
  readonly hasMessage1: boolean;
  readonly openBytes: number;
  readonly isResume: boolean;
  readonly ticket: CountedTicket | undefined;
  readonly ticketKept: Promise<void> | undefined;
  /** The owner accepted, and the use of the ticket is not kept yet. */
  isAnswered = false;
  /** What the dialer sent early: bounded by the credit of its stream, which is not given back before the answer. */
  readonly early: EarlyData = new EarlyData();
  /** The same from the owner. */
  readonly earlyAnswer: EarlyData = new EarlyData();
  readonly #handler: WaitingHandler;

  constructor(handler: WaitingHandler, parts: WaitingParts) {
    this.#handler = handler;
    this.dialerLink = parts.dialerLink;
    this.dialer = parts.dialer;
    this.owner = parts.owner;
    this.lease = parts.lease;
    this.use = parts.use;
    this.deadlineMs = parts.deadlineMs;
    this.sinceMs = parts.sinceMs;
    this.forwardedMs = parts.forwardedMs;
    this.trace = parts.trace;
    this.hasMessage1 = parts.hasMessage1;
    this.openBytes = parts.openBytes;
    this.isResume = parts.isResume;
    this.ticket = parts.ticket;
    this.ticketKept = parts.ticketKept;
  }

  onData(chunk: Uint8Array, fin: boolean): void {
    if (chunk.length > 0) this.early.push(chunk);
    if (fin) this.early.isFinished = true;
  }

  onReset(_error: SealaneError, code: number): void {
    this.#handler.abandon(this, code);
  }

  endWithLease(): void {
    this.#handler.cancel(this, RelayCode.NO_OWNER, ResetCode.GONE);
  }
}

/** Handles the owner's stream until it answered. */
export class OwnerSide implements StreamHandler {
  readonly #handler: WaitingHandler;
  #connection: WaitingConnection | undefined;

  constructor(handler: WaitingHandler) {
    this.#handler = handler;
  }

  bind(connection: WaitingConnection): void {
    this.#connection = connection;
  }

  get connection(): WaitingConnection {
    if (this.#connection === undefined) throw new SealaneError('ERR_INTERNAL', 'the connection is not bound');
    return this.#connection;
  }

  onData(chunk: Uint8Array, fin: boolean): void {
    if (chunk.length > 0) this.connection.earlyAnswer.push(chunk);
    if (fin) this.connection.earlyAnswer.isFinished = true;
  }

  onReset(_error: SealaneError, code: number): void {
    const busy = code === ResetCode.BUSY;
    this.#handler.cancel(this.connection, busy ? RelayCode.BUSY : RelayCode.NO_OWNER, ResetCode.GONE);
  }
}

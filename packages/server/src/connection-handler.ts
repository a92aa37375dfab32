import type { MuxStream, StreamHandler } from '@sealane/mux';
import { type Connect, decodeMessage, decodeOpen, encodeForward, type Lookup } from '@sealane/protocol';
import { isSealaneError, MessageKind, OpenKind, RelayCode, ResetCode, relayError, SealaneError } from '@sealane/types';
import { EarlyData } from './early-data.js';
import { CONNECTION_BYTES, type ForwardingHandler } from './forwarding-handler.js';
import type { IdentityUsage } from './identity-usage.js';
import type { LeaseManager, LeaseUse, ServedLease } from './lease-manager.js';
import type { RelayLink } from './link.js';
import type { RelayConfig } from './relay-config.js';
import { TokenBucket } from './token-bucket.js';

export interface ConnectionHandlerParts {
  readonly leases: LeaseManager;
  readonly usage: IdentityUsage;
  readonly forwarding: ForwardingHandler;
}

/** CONNECT, its way to the owner, and the owner's answer (v1.md, "Connections"). */
export class ConnectionHandler {
  isDraining = false;
  readonly #config: RelayConfig;
  readonly #parts: ConnectionHandlerParts;
  /** In the order of their deadlines. */
  readonly #waiting = new Set<WaitingConnection>();
  #sessionNumber = 0;

  constructor(config: RelayConfig, parts: ConnectionHandlerParts) {
    this.#config = config;
    this.#parts = parts;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** A client opened a stream. @throws ERR_PROTOCOL_* for an OPEN that cannot be read: that ends the link. */
  open(link: RelayLink, stream: MuxStream, body: Uint8Array): void {
    const request = decodeOpen(body);
    stream.handler = ignoring;
    if (!this.#parts.usage.tryConnect(link.clientId)) {
      this.#reject(link, stream, RelayCode.BUSY, 'too many requests per second');
      link.strike();
      return;
    }
    if (request.kind === OpenKind.RESUME) {
      this.#reject(link, stream, RelayCode.NO_SESSION, 'this relay does not resume sessions');
      return;
    }
    try {
      this.#connect(link, stream, request);
    } catch (error) {
      if (!isSealaneError(error)) throw error;
      const isFull = error.code === 'ERR_STREAM_BUSY';
      this.#reject(link, stream, isFull ? RelayCode.BUSY : RelayCode.NO_OWNER, '');
    }
  }

  /** A MESSAGE on a stream: only ACCEPT or REJECT, only from an owner that was asked. */
  answer(stream: MuxStream, body: Uint8Array): void {
    const side = stream.handler;
    if (!(side instanceof OwnerSide)) {
      throw new SealaneError('ERR_PROTOCOL_MESSAGE', 'nobody asked this stream');
    }
    const message = decodeMessage(body);
    if (message.kind === MessageKind.ACCEPT) {
      if (message.resume !== null) throw new SealaneError('ERR_PROTOCOL_MESSAGE', 'nobody asked to resume');
      this.#accept(side.connection, body);
    } else if (message.kind === MessageKind.REJECT) {
      this.#finish(side.connection);
      this.#config.reporter.refused(message.code, 'connect');
      side.connection.dialerLink.sendBody(body.slice(), side.connection.dialer);
      side.connection.dialer.reset(ResetCode.REFUSED);
      stream.reset(ResetCode.CANCELLED);
    } else {
      throw new SealaneError('ERR_PROTOCOL_MESSAGE', "a stream carries only its owner's answer");
    }
  }

  /** Answers FOUND. @throws ERR_RELAY_NO_OWNER */
  async lookup(link: RelayLink, message: Lookup): Promise<void> {
    const { leases } = this.#parts;
    const { name, id, service } = message;
    const served = name !== null ? await leases.routeByName(name) : id !== null ? leases.route(id, service) : undefined;
    if (served === undefined) throw relayError(RelayCode.NO_OWNER);
    const { record } = served;
    link.send({
      kind: MessageKind.FOUND,
      request: message.request,
      id: record.identity,
      service: record.service,
      keycert: record.keycert,
      instance: record.instance,
    });
  }

  /** About once a second: owners that did not answer in time. */
  tick(nowMs: number): void {
    for (const connection of this.#waiting) {
      if (connection.deadlineMs > nowMs) break;
      this.cancel(connection, RelayCode.TIMEOUT, ResetCode.TIMEOUT);
    }
  }

  /** Refuses a waiting connection and lets its owner know. */
  cancel(connection: WaitingConnection, code: RelayCode, ownerReset: ResetCode): void {
    if (!this.#finish(connection)) return;
    connection.owner.reset(ownerReset);
    this.#reject(connection.dialerLink, connection.dialer, code, '');
  }

  /** The dialer went before there was an answer. */
  abandon(connection: WaitingConnection, code: number): void {
    if (this.#finish(connection)) connection.owner.reset(code);
  }

  #connect(link: RelayLink, stream: MuxStream, request: Connect): void {
    const admitted = this.#admit(link, request);
    if ('code' in admitted) {
      this.#reject(link, stream, admitted.code, admitted.text);
      return;
    }
    const { lease } = admitted;
    try {
      this.#forward(link, stream, request, lease);
    } catch (error) {
      this.#parts.usage.removeSession(link.clientId, lease.record.id);
      throw error;
    }
  }

  /** The lease that the request may be forwarded to, its session counted; or why it may not. */
  #admit(link: RelayLink, request: Connect): { readonly lease: ServedLease } | Refusal {
    const { leases, usage } = this.#parts;
    const { limits, clock, budget } = this.#config;
    if (this.isDraining) return { code: RelayCode.DRAINING, text: '' };
    const lease = leases.route(request.owner, request.service);
    if (lease === undefined) return { code: RelayCode.NO_OWNER, text: '' };
    const rate = limits.connectsPerLeasePerSecond;
    const { load } = lease;
    load.connects ??= new TokenBucket(rate, Math.max(1, rate), clock.nowMs());
    if (load.waiting >= limits.waitingAcceptsPerLease || !load.connects.tryTake(clock.nowMs())) {
      return { code: RelayCode.BUSY, text: 'the owner has too many requests' };
    }
    if (budget.refusesStreams) return { code: RelayCode.BUSY, text: 'the relay is short of memory' };
    if (!usage.tryAddSession(link.clientId, lease.record.id)) {
      return { code: RelayCode.LIMIT, text: 'too many sessions' };
    }
    return { lease };
  }

  #forward(link: RelayLink, dialer: MuxStream, request: Connect, lease: ServedLease): void {
    const side = new OwnerSide(this);
    // Dialing links use keys of their own, which say nothing about the dialer: message 1 does, to the owner alone.
    const open = encodeForward({ ...request, dialer: null });
    const owner = lease.link.openStream(open, side);
    // An owner that does not read leaves the request here.
    this.#config.budget.take(CONNECTION_BYTES + open.length);
    const deadlineMs = this.#config.clock.nowMs() + this.#config.limits.acceptTimeoutMs;
    const connection = new WaitingConnection(this, {
      dialerLink: link,
      dialer,
      owner,
      lease,
      deadlineMs,
      openBytes: open.length,
    });
    side.bind(connection);
    dialer.handler = connection;
    lease.load.waiting++;
    lease.uses.add(connection);
    this.#waiting.add(connection);
  }

  #accept(connection: WaitingConnection, body: Uint8Array): void {
    const { dialer, owner, lease, dialerLink } = connection;
    this.#finish(connection, true);
    dialerLink.sendBody(body.slice(), dialer);
    this.#parts.forwarding.join({
      number: ++this.#sessionNumber,
      lease,
      dialerId: dialerLink.clientId,
      dialer,
      owner,
    });
    handOver(dialer, connection.early);
    handOver(owner, connection.earlyAnswer);
  }

  /** Takes a connection out of those that wait; false if it was not among them. */
  #finish(connection: WaitingConnection, becomesSession = false): boolean {
    if (!this.#waiting.delete(connection)) return false;
    const { lease, dialerLink } = connection;
    lease.load.waiting--;
    lease.uses.delete(connection);
    this.#config.budget.release(connection.openBytes + (becomesSession ? 0 : CONNECTION_BYTES));
    if (!becomesSession) this.#parts.usage.removeSession(dialerLink.clientId, lease.record.id);
    return true;
  }

  #reject(link: RelayLink, stream: MuxStream, code: RelayCode, text: string): void {
    this.#config.reporter.refused(code, 'connect');
    link.send({ kind: MessageKind.REJECT, code, keycert: null, text }, stream);
    // Messages go before resets: the dialer reads the code first.
    stream.reset(ResetCode.REFUSED);
  }
}

interface Refusal {
  readonly code: RelayCode;
  readonly text: string;
}

interface WaitingParts {
  readonly dialerLink: RelayLink;
  readonly dialer: MuxStream;
  readonly owner: MuxStream;
  readonly lease: ServedLease;
  readonly deadlineMs: number;
  readonly openBytes: number;
}

/** A CONNECT that was forwarded and has no answer yet; handles the dialer's stream meanwhile. */
class WaitingConnection implements StreamHandler, LeaseUse {
  readonly dialerLink: RelayLink;
  readonly dialer: MuxStream;
  readonly owner: MuxStream;
  readonly lease: ServedLease;
  readonly deadlineMs: number;
  readonly openBytes: number;
  /** What the dialer sent early: bounded by the credit of its stream, which is not given back before the answer. */
  readonly early: EarlyData = new EarlyData();
  /** The same from the owner. */
  readonly earlyAnswer: EarlyData = new EarlyData();
  readonly #handler: ConnectionHandler;

  constructor(handler: ConnectionHandler, parts: WaitingParts) {
    this.#handler = handler;
    this.dialerLink = parts.dialerLink;
    this.dialer = parts.dialer;
    this.owner = parts.owner;
    this.lease = parts.lease;
    this.deadlineMs = parts.deadlineMs;
    this.openBytes = parts.openBytes;
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
class OwnerSide implements StreamHandler {
  readonly #handler: ConnectionHandler;
  #connection: WaitingConnection | undefined;

  constructor(handler: ConnectionHandler) {
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

/** Gives a stream's new handler what came before it. */
function handOver(stream: MuxStream, early: EarlyData): void {
  for (const chunk of early.take()) stream.handler?.onData(chunk, false);
  if (early.isFinished) stream.handler?.onData(new Uint8Array(0), true);
}

/** For a stream that is refused before anything came. */
const ignoring: StreamHandler = { onData: () => undefined, onReset: () => undefined };

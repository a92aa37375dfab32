import type { MuxStream, StreamHandler } from '@sealane/mux';
import { type Connect, decodeMessage, decodeOpen, encodeForward, type Lookup, type Resume } from '@sealane/protocol';
import {
  isSealaneError,
  LinkFeature,
  MessageKind,
  OpenKind,
  RelayCode,
  ResetCode,
  ResumptionLimit,
  relayError,
  SealaneError,
} from '@sealane/types';
import type { AdmissionGate } from './admission-gate.js';
import type { EarlyData } from './early-data.js';
import { CONNECTION_BYTES, type ForwardingHandler } from './forwarding-handler.js';
import { HeldRequests } from './held-requests.js';
import type { LeaseManager, ServedLease } from './lease-manager.js';
import type { RelayLink } from './link.js';
import type { SessionUse } from './policy/session-use.js';
import type { CountedTicket } from './policy/ticket-use-store.js';
import type { UsagePolicy } from './policy/usage-policy.js';
import type { RelayConfig } from './relay-config.js';
import { UndecidedRequests } from './undecided-requests.js';
import { OwnerSide, WaitingConnection } from './waiting-connection.js';
import { wireRefusal } from './wire-refusal.js';

export interface ConnectionHandlerParts {
  readonly leases: LeaseManager;
  readonly usage: UsagePolicy;
  readonly forwarding: ForwardingHandler;
  readonly gate: AdmissionGate;
}

/** CONNECT, its way to the owner, and the owner's answer (v1.md, "Connections"). */
export class ConnectionHandler {
  isDraining = false;
  readonly #config: RelayConfig;
  readonly #parts: ConnectionHandlerParts;
  /** In the order of their deadlines. */
  readonly #waiting = new Set<WaitingConnection>();
  readonly #held: HeldRequests;
  readonly #undecided: UndecidedRequests;
  readonly #startedMs: number;
  #sessionNumber = 0;

  constructor(config: RelayConfig, parts: ConnectionHandlerParts) {
    this.#config = config;
    this.#parts = parts;
    this.#startedMs = config.clock.nowMs();
    this.#undecided = new UndecidedRequests(config);
    this.#held = new HeldRequests(config, {
      forward: (link, stream, request, lease) =>
        this.#try(link, stream, () => this.#send(link, stream, request, lease)),
      refuse: (link, stream, code) => this.#reject(link, stream, code, ''),
    });
    parts.leases.onServed = (key, lease) => this.#held.onOwner(key, lease);
  }

  /** RESUME requests whose owners are expected back. */
  get heldCount(): number {
    return this.#held.size;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** A client opened a stream. @throws ERR_PROTOCOL_* for an OPEN that cannot be read: that ends the link. */
  open(link: RelayLink, stream: MuxStream, body: Uint8Array): void {
    const request = decodeOpen(body);
    stream.handler = ignoring;
    const tooFast = this.#parts.usage.connect(link);
    if (tooFast !== undefined) {
      this.#reject(link, stream, RelayCode.BUSY, tooFast.message);
      link.strike();
      return;
    }
    const refusal = this.#parts.gate.dialer(link);
    if (refusal instanceof Promise) {
      // What waits must not keep the message alive that it came in.
      const kept = decodeOpen(body.slice());
      this.#undecided.hold(link, stream, refusal, {
        proceed: () => this.#begin(link, stream, kept),
        refuse: (code, text) => this.#reject(link, stream, code, text),
      });
    } else if (refusal === undefined) this.#begin(link, stream, request);
    else this.#reject(link, stream, wireRefusal(refusal).code, refusal.message);
  }

  #begin(link: RelayLink, stream: MuxStream, request: Connect | Resume): void {
    stream.handler = ignoring;
    this.#try(link, stream, () => {
      if (request.kind === OpenKind.RESUME) this.#resume(link, stream, request);
      else this.#connect(link, stream, request);
    });
  }

  #try(link: RelayLink, stream: MuxStream, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!isSealaneError(error)) throw error;
      const isFull = error.code === 'ERR_STREAM_BUSY';
      this.#reject(link, stream, isFull ? RelayCode.BUSY : RelayCode.NO_OWNER, '');
    }
  }

  /** A MESSAGE on a stream: only ACCEPT or REJECT, only from an owner that was asked. */
  answer(stream: MuxStream, body: Uint8Array): void {
    const side = stream.handler;
    if (!(side instanceof OwnerSide) || side.connection.isAnswered) {
      throw new SealaneError('ERR_PROTOCOL_MESSAGE', 'nobody asked this stream');
    }
    const message = decodeMessage(body);
    if (message.kind === MessageKind.ACCEPT) {
      const { isResume } = side.connection;
      if ((message.resume !== null) !== isResume || (isResume && message.message2 !== null)) {
        throw new SealaneError('ERR_PROTOCOL_MESSAGE', 'the answer is to something else than was asked');
      }
      this.#acceptWhenKept(side.connection, body);
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
    this.#held.tick(nowMs);
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
    if (this.isDraining) {
      this.#reject(link, stream, RelayCode.DRAINING, '');
      return;
    }
    this.#send(link, stream, request, this.#parts.leases.route(request.owner, request.service));
  }

  /** Also while draining: sessions that move away from elsewhere are not to be lost. */
  #resume(link: RelayLink, stream: MuxStream, request: Resume): void {
    const { leases } = this.#parts;
    const { owner, service, instance } = request;
    const lease = leases.routeInstance(owner, service, instance);
    if (lease !== undefined) {
      this.#send(link, stream, request, lease);
      return;
    }
    const isFresh = this.#config.clock.nowMs() - this.#startedMs < ResumptionLimit.heldMs;
    const isOffered = (this.#config.features & LinkFeature.RESUME) !== 0;
    if (isOffered && (isFresh || leases.isExpected(owner, service, instance))) this.#held.hold(link, stream, request);
    else this.#reject(link, stream, RelayCode.NO_SESSION, '');
  }

  #send(link: RelayLink, stream: MuxStream, request: Connect | Resume, found: ServedLease | undefined): void {
    const admitted = this.#admit(link, found, request.kind === OpenKind.RESUME);
    if ('code' in admitted) {
      this.#reject(link, stream, admitted.code, admitted.text);
      return;
    }
    try {
      this.#forward(link, stream, request, admitted);
    } catch (error) {
      admitted.use.release();
      this.#parts.gate.tickets.giveBack(admitted.ticket);
      throw error;
    }
  }

  /** The lease that the request may be forwarded to, its session counted; or why it may not. */
  #admit(link: RelayLink, lease: ServedLease | undefined, isResume: boolean): Admitted | Refusal {
    const { usage, gate } = this.#parts;
    const { limits, budget, clock } = this.#config;
    if (lease === undefined) return { code: RelayCode.NO_OWNER, text: '' };
    const isInRate = lease.connects === undefined || lease.connects.tryTake(clock.nowMs());
    if (lease.load.waiting >= limits.waitingAcceptsPerLease || !usage.connectTo(lease) || !isInRate) {
      return { code: RelayCode.BUSY, text: 'the owner has too many requests' };
    }
    if (budget.refusesStreams) return { code: RelayCode.BUSY, text: 'the relay is short of memory' };
    if (lease.uses.size >= (lease.limits?.sessions ?? Number.POSITIVE_INFINITY)) {
      return { code: RelayCode.LIMIT, text: 'the owner has as many sessions as it may' };
    }
    const shown = gate.tickets.check(link, lease.record, isResume);
    if (!shown.isAdmitted) return shown;
    const use = usage.addSession(link, lease);
    if (typeof use !== 'string') return { lease, use, ticket: shown.use };
    gate.tickets.giveBack(shown.use);
    return { code: RelayCode.LIMIT, text: use };
  }

  #forward(link: RelayLink, dialer: MuxStream, request: Connect | Resume, admitted: Admitted): void {
    const { lease, use, ticket } = admitted;
    const side = new OwnerSide(this);
    // Dialing links use keys of their own, which say nothing about the dialer: message 1 does, to the owner alone.
    const open = encodeForward({ ...request, dialer: null });
    // Towards each of the two, what comes from one link has the turns of one, however many sessions it has.
    const owner = lease.link.openStream(open, side, link);
    dialer.group = lease.link;
    // An owner that does not read leaves the request here.
    this.#config.budget.take(CONNECTION_BYTES + open.length);
    const deadlineMs = this.#config.clock.nowMs() + this.#config.limits.acceptTimeoutMs;
    const connection = new WaitingConnection(this, {
      dialerLink: link,
      dialer,
      owner,
      lease,
      use,
      deadlineMs,
      openBytes: open.length,
      isResume: request.kind === OpenKind.RESUME,
      ticket,
      ticketKept: this.#parts.gate.tickets.kept(ticket),
    });
    side.bind(connection);
    dialer.handler = connection;
    lease.load.waiting++;
    lease.uses.add(connection);
    this.#waiting.add(connection);
  }

  /** A session that begins with a counted ticket begins when its use is on the disk; the owner was asked meanwhile. */
  #acceptWhenKept(connection: WaitingConnection, body: Uint8Array): void {
    if (connection.ticketKept === undefined) {
      this.#accept(connection, body);
      return;
    }
    connection.isAnswered = true;
    const own = body.slice();
    connection.ticketKept
      .then(() => {
        if (this.#waiting.has(connection)) this.#accept(connection, own);
      })
      .catch((error: unknown) => {
        this.#config.reporter.event({ type: 'fault', code: 'ERR_INTERNAL', message: String(error) });
        this.cancel(connection, RelayCode.BUSY, ResetCode.BUSY);
      });
  }

  #accept(connection: WaitingConnection, body: Uint8Array): void {
    const { dialer, owner, lease, use, dialerLink } = connection;
    this.#finish(connection, true);
    dialerLink.sendBody(body.slice(), dialer);
    this.#parts.forwarding.join({
      number: ++this.#sessionNumber,
      lease,
      use,
      dialer,
      owner,
    });
    handOver(dialer, connection.early);
    handOver(owner, connection.earlyAnswer);
  }

  /** Takes a connection out of those that wait; false if it was not among them. */
  #finish(connection: WaitingConnection, becomesSession = false): boolean {
    if (!this.#waiting.delete(connection)) return false;
    const { lease, use } = connection;
    lease.load.waiting--;
    lease.uses.delete(connection);
    this.#config.budget.release(connection.openBytes + (becomesSession ? 0 : CONNECTION_BYTES));
    if (!becomesSession) {
      use.release();
      this.#parts.gate.tickets.giveBack(connection.ticket);
    }
    return true;
  }

  #reject(link: RelayLink, stream: MuxStream, code: number, text: string): void {
    this.#config.reporter.refused(code, 'connect');
    link.send({ kind: MessageKind.REJECT, code, keycert: null, text }, stream);
    // Messages go before resets: the dialer reads the code first.
    stream.reset(ResetCode.REFUSED);
  }
}

interface Admitted {
  readonly lease: ServedLease;
  readonly use: SessionUse;
  readonly ticket: CountedTicket | undefined;
}

interface Refusal {
  readonly code: RelayCode;
  readonly text: string;
}

/** Gives a stream's new handler what came before it. */
function handOver(stream: MuxStream, early: EarlyData): void {
  for (const chunk of early.take()) stream.handler?.onData(chunk, false);
  if (early.isFinished) stream.handler?.onData(new Uint8Array(0), true);
}

/** For a stream that is refused before anything came. */
const ignoring: StreamHandler = { onData: () => undefined, onReset: () => undefined };

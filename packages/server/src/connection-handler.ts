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
import { type AdmittedSession, admitSession } from './admit-session.js';
import type { ConnectTurns } from './connect-turns.js';
import type { RequestTrace } from './event.js';
import { CONNECTION_BYTES, type ForwardingHandler } from './forwarding-handler.js';
import { HeldRequests } from './held-requests.js';
import type { LeaseManager, ServedLease } from './lease-manager.js';
import type { RelayLink } from './link.js';
import { watchHandshake } from './metrics/handshake-watch.js';
import type { ConnectOutcome } from './metrics/relay-meter.js';
import type { UsagePolicy } from './policy/usage-policy.js';
import type { RelayConfig } from './relay-config.js';
import { traceOf } from './request-trace.js';
import { MAX_UNDECIDED_PER_LINK, UndecidedRequests } from './undecided-requests.js';
import { OwnerSide, WaitingConnection } from './waiting-connection.js';
import { wireRefusal } from './wire-refusal.js';

/** A request of a dialer, until it is forwarded or refused. */
interface Asked {
  readonly link: RelayLink;
  readonly stream: MuxStream;
  readonly request: Connect | Resume;
  /** When it came. */
  readonly sinceMs: number;
}

export interface ConnectionHandlerParts {
  readonly leases: LeaseManager;
  readonly usage: UsagePolicy;
  readonly forwarding: ForwardingHandler;
  readonly gate: AdmissionGate;
  readonly turns: ConnectTurns;
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
      forward: (link, stream, request, lease) => {
        const asked = { link, stream, request, sinceMs: config.clock.nowMs() };
        this.#try(asked, () => this.#send(asked, lease));
      },
      refuse: (link, stream, request, code) => this.#reject(link, stream, traceOf(request), code, ''),
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

  /** Requests that wait for the policy's answer about their dialers. */
  get undecidedCount(): number {
    return this.#undecided.size;
  }

  /** A client opened a stream. @throws ERR_PROTOCOL_* for an OPEN that cannot be read: that ends the link. */
  open(link: RelayLink, stream: MuxStream, body: Uint8Array): void {
    const { clock, meter } = this.#config;
    const request = decodeOpen(body);
    const asked = { link, stream, request, sinceMs: clock.nowMs() };
    stream.handler = ignoring;
    if (request.kind === OpenKind.RESUME) meter.resumes++;
    else meter.connects++;
    const tooFast = this.#parts.usage.connect(link);
    if (tooFast !== undefined) {
      this.#parts.turns.serve(() => this.#refuse(asked, RelayCode.BUSY, tooFast.message));
      link.strike(this.#parts.turns.strikeWeight);
      return;
    }
    const decision = this.#parts.gate.dialer(link);
    const refusal = decision ?? this.#parts.turns.next(link);
    if (refusal instanceof Promise) {
      // What waits must not keep the message alive that it came in.
      const kept = { ...asked, request: decodeOpen(body.slice()) };
      this.#undecided.hold(link, stream, refusal, {
        mostOfLink: decision === undefined ? this.#config.limits.streamsPerLink : MAX_UNDECIDED_PER_LINK,
        proceed: () => this.#begin(kept),
        refuse: (code, text) => this.#refuse(kept, code, text),
      });
    } else if (refusal === undefined) this.#begin(asked);
    else this.#refuse(asked, wireRefusal(refusal).code, refusal.message);
  }

  #begin(asked: Asked): void {
    const { stream, request } = asked;
    stream.handler = ignoring;
    this.#try(asked, () => {
      if (request.kind === OpenKind.RESUME) this.#resume(asked, request);
      else this.#connect(asked, request);
    });
  }

  #try(asked: Asked, action: () => void): void {
    try {
      this.#parts.turns.serve(action);
    } catch (error) {
      if (!isSealaneError(error)) throw error;
      const isFull = error.code === 'ERR_STREAM_BUSY';
      this.#refuse(asked, isFull ? RelayCode.BUSY : RelayCode.NO_OWNER, '');
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
      this.#acceptWhenKept(side.connection, body, message.message2 !== null);
    } else if (message.kind === MessageKind.REJECT) {
      this.#finish(side.connection);
      this.#observe(side.connection, 'refused');
      this.#config.reporter.refused(message.code, 'connect', side.connection.trace);
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
    this.#observe(connection, 'failed');
    connection.owner.reset(ownerReset);
    this.#reject(connection.dialerLink, connection.dialer, connection.trace, code, '');
  }

  /** The dialer went before there was an answer. */
  abandon(connection: WaitingConnection, code: number): void {
    if (this.#finish(connection)) connection.owner.reset(code);
  }

  #connect(asked: Asked, { owner, service }: Connect): void {
    if (this.isDraining) this.#refuse(asked, RelayCode.DRAINING, '');
    else this.#send(asked, this.#parts.leases.route(owner, service));
  }

  /** Also while draining: sessions that move away from elsewhere are not to be lost. */
  #resume(asked: Asked, request: Resume): void {
    const { leases } = this.#parts;
    const { owner, service, instance } = request;
    const lease = leases.routeInstance(owner, service, instance);
    if (lease !== undefined) {
      this.#send(asked, lease);
      return;
    }
    const isFresh = this.#config.clock.nowMs() - this.#startedMs < ResumptionLimit.heldMs;
    const isOffered = (this.#config.features & LinkFeature.RESUME) !== 0;
    if (isOffered && (isFresh || leases.isExpected(owner, service, instance))) {
      this.#held.hold(asked.link, asked.stream, request);
    } else this.#refuse(asked, RelayCode.NO_SESSION, '');
  }

  #send(asked: Asked, found: ServedLease | undefined): void {
    const question = { link: asked.link, lease: found, isResume: asked.request.kind === OpenKind.RESUME };
    const admitted = admitSession(this.#config, this.#parts, question);
    if ('code' in admitted) {
      this.#refuse(asked, admitted.code, admitted.text);
      return;
    }
    try {
      this.#forward(asked, admitted);
    } catch (error) {
      admitted.use.release();
      this.#parts.gate.tickets.giveBack(admitted.ticket);
      throw error;
    }
  }

  #forward({ link, stream: dialer, request, sinceMs }: Asked, admitted: AdmittedSession): void {
    const { lease, use, ticket } = admitted;
    const { clock, limits, meter, budget } = this.#config;
    const side = new OwnerSide(this);
    // Dialing links use keys of their own, which say nothing about the dialer: message 1 does, to the owner alone.
    const open = encodeForward({ ...request, dialer: null });
    // Towards each of the two, what comes from one link has the turns of one, however many sessions it has.
    const owner = lease.link.openStream(open, side, link);
    dialer.group = lease.link;
    // An owner that does not read leaves the request here.
    budget.take(CONNECTION_BYTES + open.length);
    const forwardedMs = clock.nowMs();
    const isResume = request.kind === OpenKind.RESUME;
    if (!isResume) meter.forward.observeMs(forwardedMs - sinceMs);
    const connection = new WaitingConnection(this, {
      dialerLink: link,
      dialer,
      owner,
      lease,
      use,
      deadlineMs: forwardedMs + limits.acceptTimeoutMs,
      sinceMs,
      forwardedMs,
      trace: traceOf(request),
      hasMessage1: !isResume && request.message1 !== null,
      openBytes: open.length,
      isResume,
      ticket,
      ticketKept: this.#parts.gate.tickets.kept(ticket),
    });
    side.bind(connection);
    dialer.handler = connection;
    lease.load.waiting++;
    lease.load.add(connection);
    this.#waiting.add(connection);
  }

  /** A session that begins with a counted ticket begins when its use is on the disk; the owner was asked meanwhile. */
  #acceptWhenKept(connection: WaitingConnection, body: Uint8Array, hasMessage2: boolean): void {
    if (connection.ticketKept === undefined) {
      this.#accept(connection, body, hasMessage2);
      return;
    }
    connection.isAnswered = true;
    const own = body.slice();
    connection.ticketKept
      .then(() => {
        if (this.#waiting.has(connection)) this.#accept(connection, own, hasMessage2);
      })
      .catch((error: unknown) => {
        this.#config.reporter.event({ type: 'fault', code: 'ERR_INTERNAL', message: String(error) });
        this.cancel(connection, RelayCode.BUSY, ResetCode.BUSY);
      });
  }

  #accept(connection: WaitingConnection, body: Uint8Array, hasMessage2: boolean): void {
    const { dialer, owner, lease, use, dialerLink, isResume, hasMessage1, trace, forwardedMs } = connection;
    const { meter, clock } = this.#config;
    this.#finish(connection, true);
    this.#observe(connection, 'accepted');
    if (isResume) meter.resumedSessions++;
    const nowMs = (): number => clock.nowMs();
    const onDone = (ms: number): void => meter.handshake.observeMs(ms);
    dialerLink.sendBody(body.slice(), dialer);
    this.#parts.forwarding.join({
      number: ++this.#sessionNumber,
      lease,
      use,
      dialer,
      owner,
      dialerLink,
      trace,
    });
    if (hasMessage2 && hasMessage1) onDone(nowMs() - forwardedMs);
    else if (!isResume) {
      watchHandshake({ dialer, owner, startMs: hasMessage1 ? forwardedMs : undefined, nowMs, onDone });
    }
    connection.early.handOver(dialer);
    connection.earlyAnswer.handOver(owner);
  }

  /** Takes a connection out of those that wait; false if it was not among them. */
  #finish(connection: WaitingConnection, becomesSession = false): boolean {
    if (!this.#waiting.delete(connection)) return false;
    const { lease, use } = connection;
    lease.load.waiting--;
    lease.load.remove(connection);
    this.#config.budget.release(connection.openBytes + (becomesSession ? 0 : CONNECTION_BYTES));
    if (!becomesSession) {
      use.release();
      this.#parts.gate.tickets.giveBack(connection.ticket);
    }
    return true;
  }

  #observe({ isResume, sinceMs }: WaitingConnection, outcome: ConnectOutcome): void {
    const { meter, clock } = this.#config;
    if (!isResume) meter.connect[outcome].observeMs(clock.nowMs() - sinceMs);
  }

  #refuse({ link, stream, request }: Asked, code: number, text: string): void {
    this.#reject(link, stream, traceOf(request), code, text);
  }

  #reject(link: RelayLink, stream: MuxStream, trace: RequestTrace, code: number, text: string): void {
    this.#config.reporter.refused(code, 'connect', trace);
    link.send({ kind: MessageKind.REJECT, code, keycert: null, text }, stream);
    // Messages go before resets: the dialer reads the code first.
    stream.reset(ResetCode.REFUSED);
  }
}

/** For a stream that is refused before anything came. */
const ignoring: StreamHandler = { onData: () => undefined, onReset: () => undefined };

import { joinChunks, Mux, type MuxStream, type OpenStreamOptions } from '@sealane/mux';
import {
  type ControlMessage,
  decodeMessage,
  encodeFrame,
  encodeMessage,
  forEachFrame,
  type HelloLimits,
} from '@sealane/protocol';
import {
  FrameType,
  MessageKind,
  MuxLimit,
  ProtocolSize,
  ResetCode,
  SealaneError,
  SessionLimit,
  type Timer,
} from '@sealane/types';
import { untilAborted } from '../abort-signal.js';
import { asSealaneError } from '../as-sealane-error.js';
import { Deferred } from '../session/deferred.js';
import { type AuthenticatedRelay, refusal } from './authentication.js';
import { asLinkError, lostError, unasked } from './link-error.js';
import { Liveness } from './liveness.js';
import type { LinkStreamHandler, RelayLinkOptions } from './relay-link-options.js';
import { RequestTable } from './request-table.js';
import { type RecordSource, SendTurn } from './send-turn.js';
import { SleepDetector } from './sleep-detector.js';

const TICK_MS = 500;
/** A record and the control frames of a turn: records are sent by reference, so a batch holds one of them. */
const BATCH_BYTES = ProtocolSize.OUTER_DATA + MuxLimit.controlTurnBytes;
const PRE_AUTH_LIMITS = { maxDataBytes: 0, maxOpenBytes: 0, maxMessageBytes: ProtocolSize.PRE_AUTH };

type LinkState =
  | { readonly step: 'authenticating'; readonly deadlineMs: number }
  | { readonly step: 'up'; readonly relay: AuthenticatedRelay; readonly mux: Mux }
  | { readonly step: 'ended'; readonly error: SealaneError };

/** One authenticated link to a relay: requests, streams, pings (v1.md, "Links"). */
export class RelayLink {
  /** Bytes of records that wait in the outer mux. */
  unsentBytes = 0;
  readonly turn: SendTurn;
  readonly #options: RelayLinkOptions;
  readonly #requests = new RequestTable();
  readonly #liveness: Liveness;
  readonly #sleep: SleepDetector;
  /** Streams that this side ended, and when the other side must have ended them too. In the order of their times. */
  readonly #ending = new Map<MuxStream, number>();
  /** Asked at every tick whether an answer of the other side is due. */
  readonly #busyProbes = new Set<() => boolean>();
  /** The transport has ended. */
  readonly #gone = new Deferred<void>();
  #state: LinkState;
  #timer: Timer | undefined;

  constructor(options: RelayLinkOptions) {
    this.#options = options;
    const nowMs = options.clock.nowMs();
    this.#state = { step: 'authenticating', deadlineMs: nowMs + options.timing.authTimeoutMs };
    this.#liveness = new Liveness(options.timing, TICK_MS, nowMs);
    this.#sleep = new SleepDetector(options.clock, TICK_MS);
    this.turn = new SendTurn({ hasRoom: () => this.hasRoom, flush: () => this.#flush() });
    this.#scheduleTick();
    const onMessage = (message: Uint8Array | readonly Uint8Array[]): void => this.#guard(() => this.#receive(message));
    options.transport.start({
      onMessage,
      onParts: onMessage,
      onDrain: () => this.turn.schedule(),
      onEnd: (end) => {
        this.#gone.resolve();
        this.#end(lostError(end, this.#state.step === 'authenticating'));
      },
    });
  }

  get isUp(): boolean {
    return this.#state.step === 'up';
  }

  get relay(): AuthenticatedRelay {
    if (this.#state.step !== 'up') throw new SealaneError('ERR_LINK_LOST', undefined, { retryable: true });
    return this.#state.relay;
  }

  get limits(): HelloLimits {
    return this.relay.hello.limits;
  }

  /** Room for another record before the queue towards the socket is full. */
  get hasRoom(): boolean {
    return this.unsentBytes + this.#options.transport.queuedBytes < SessionLimit.maxQueuedBytes;
  }

  get rttMs(): number | undefined {
    return this.#state.step === 'up' ? this.#state.mux.rttMs : undefined;
  }

  /** Measures a round trip to the relay, in milliseconds. */
  async ping(signal?: AbortSignal): Promise<number> {
    return await untilAborted(() => this.#mux().ping(), signal);
  }

  /** Sends a request and waits for its answer: a refusal, a timeout, the end of the link and the signal reject. */
  async request(
    create: (request: number) => ControlMessage,
    options: { readonly signal?: AbortSignal | undefined; readonly onPending?: (() => void) | undefined } = {},
  ): Promise<ControlMessage> {
    const mux = this.#mux();
    const { clock, timing } = this.#options;
    const { number, answer } = this.#requests.add(clock.nowMs() + timing.requestTimeoutMs, options);
    try {
      mux.sendMessage(0, encodeMessage(create(number)));
    } catch (cause) {
      const error = asSealaneError(cause);
      this.#requests.reject(number, error);
      // A relay that does not read what it is asked is as good as none.
      if (error.code === 'ERR_MUX_FLOOD') this.abort(asLinkError(error));
    }
    return await answer;
  }

  openStream(open: Uint8Array, handler: LinkStreamHandler, options?: OpenStreamOptions): MuxStream {
    return this.#mux().openStream(open, handler, options);
  }

  /** Never throws: a relay that does not read loses its link. */
  sendMessage(stream: MuxStream, message: ControlMessage): void {
    if (this.isUp) this.#guard(() => this.#mux().sendMessage(stream, encodeMessage(message)));
  }

  /** Counts records that a path wrote, so that the room is known before they reach the socket. */
  addUnsent(bytes: number): void {
    this.unsentBytes += bytes;
  }

  addSource(source: RecordSource): void {
    this.turn.add(source);
  }

  addBusyProbe(probe: () => boolean): void {
    this.#busyProbes.add(probe);
  }

  removeBusyProbe(probe: () => boolean): void {
    this.#busyProbes.delete(probe);
  }

  /** Resets a stream that was ended here if the other side does not end it soon. */
  resetLater(stream: MuxStream): void {
    if (this.isUp && !stream.isClosed) this.#ending.set(stream, this.#options.clock.nowMs() + SessionLimit.closeWaitMs);
  }

  /**
   * Orderly end, after all that was said; streams of the link end with ERR_LINK_LOST. Resolves when the relay has it all,
   * or cannot get it any more. Idempotent.
   */
  close(error: SealaneError = new SealaneError('ERR_CLOSED')): Promise<void> {
    const { transport } = this.#options;
    if (this.#state.step !== 'ended') {
      // What still waits is bounded, and nothing is added to it.
      this.#flush(Number.POSITIVE_INFINITY);
      transport.close(1000);
      this.#end(error);
    }
    return transport.queuedBytes === 0 ? Promise.resolve() : this.#gone.promise;
  }

  /** Ends at once what cannot be trusted or does not answer. */
  abort(error: SealaneError): void {
    if (this.#state.step === 'ended') return;
    this.#options.transport.abort(error.code);
    this.#end(error);
  }

  #mux(): Mux {
    if (this.#state.step === 'up') return this.#state.mux;
    if (this.#state.step === 'ended') throw this.#state.error;
    throw new SealaneError('ERR_LINK_LOST', undefined, { retryable: true });
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (cause) {
      this.abort(asLinkError(asSealaneError(cause)));
    }
  }

  #receive(message: Uint8Array | readonly Uint8Array[]): void {
    const state = this.#state;
    if (state.step === 'up') state.mux.receive(message);
    else if (state.step === 'authenticating') this.#authenticate(message);
  }

  #authenticate(message: Uint8Array | readonly Uint8Array[]): void {
    forEachFrame(message, PRE_AUTH_LIMITS, (frame) => {
      if (frame.type !== FrameType.MESSAGE || frame.streamId !== 0 || this.#state.step !== 'authenticating') {
        throw unasked();
      }
      const step = this.#options.authentication.receive(frame.body.slice());
      if ('relay' in step) this.#goUp(step.relay);
      else this.#sendAuth(step.auth);
    });
  }

  #sendAuth(auth: Uint8Array | Promise<Uint8Array>): void {
    if (auth instanceof Promise) {
      const fail = (cause: unknown): void =>
        this.abort(new SealaneError('ERR_INTERNAL', 'the identity could not sign', { cause }));
      auth.then((signed) => this.#sendAuth(signed), fail);
    } else if (this.#state.step === 'authenticating') {
      this.#options.transport.send(encodeFrame(FrameType.MESSAGE, 0, 0, auth));
    }
  }

  #goUp(relay: AuthenticatedRelay): void {
    const { limits } = relay.hello;
    const { clock, budget, receiveWindowBytes, maxInboundStreams, handler } = this.#options;
    const mux = new Mux({
      role: 'opener',
      clock,
      budget,
      maxBodyBytes: Math.min(ProtocolSize.OUTER_DATA, limits.maxData),
      maxOpenBytes: ProtocolSize.CONTROL,
      receiveWindowBytes,
      maxReceiveWindowBytes: MuxLimit.maxOuterWindowBytes,
      sendWindowBytes: limits.initialWindow,
      maxInboundStreams,
      maxOutboundStreams: limits.maxStreams,
      allowMessages: true,
      handler: {
        onWritable: () => this.turn.schedule(),
        onOpen: (stream, open) => handler.onForward(this, stream, open),
        onMessage: (streamId, stream, body) => this.#onMessage(streamId, stream, body),
        onGoAway: (goAway) => handler.onGoAway(this, goAway),
      },
    });
    this.#state = { step: 'up', relay, mux };
    handler.onUp(this);
  }

  #onMessage(streamId: number, stream: MuxStream | undefined, body: Uint8Array): void {
    const message = decodeMessage(body);
    if (streamId !== 0) {
      (stream?.handler as Partial<LinkStreamHandler> | undefined)?.onMessage?.(message);
      return;
    }
    switch (message.kind) {
      case MessageKind.ERROR:
        if (message.request === 0) this.abort(refusal(message));
        else this.#requests.reject(message.request, refusal(message));
        return;
      case MessageKind.PENDING:
        this.#requests.hold(message.request);
        return;
      case MessageKind.PRESENTED:
      case MessageKind.REGISTERED:
      case MessageKind.RENEWED:
      case MessageKind.RELEASED:
      case MessageKind.FOUND:
      case MessageKind.LISTED:
        this.#requests.resolve(message.request, message);
        return;
      case MessageKind.SUPERSEDED:
        this.#options.handler.onSuperseded(this, message);
        return;
      default:
        throw new SealaneError('ERR_LINK_PROTOCOL', 'the relay sent a message that only a client sends', {
          retryable: true,
        });
    }
  }

  #flush(maxQueuedBytes: number = SessionLimit.maxQueuedBytes): void {
    if (this.#state.step !== 'up') return;
    const { mux } = this.#state;
    const { transport } = this.#options;
    while (transport.queuedBytes < maxQueuedBytes) {
      const batch = mux.pull(Math.min(BATCH_BYTES, this.limits.maxMessage));
      if (batch === undefined) return;
      const { chunks, bytes } = batch;
      if (transport.sendParts) transport.sendParts(chunks, bytes, !mux.hasPending);
      else transport.send(joinChunks(chunks, bytes));
    }
  }

  #scheduleTick(): void {
    this.#timer = this.#options.clock.schedule(TICK_MS, () => this.#guard(() => this.#tick()));
  }

  #tick(): void {
    const { clock, transport } = this.#options;
    const state = this.#state;
    if (state.step === 'ended') return;
    this.#scheduleTick();
    const nowMs = clock.nowMs();
    this.#options.budget.endStalled(nowMs);
    if (this.#sleep.hasSlept()) {
      throw new SealaneError('ERR_LINK_DEAD', 'this machine or process stood still', { retryable: true });
    }
    if (state.step === 'authenticating') {
      if (nowMs >= state.deadlineMs) throw new SealaneError('ERR_LINK_TIMEOUT', undefined, { retryable: true });
      return;
    }
    this.#requests.expire(nowMs);
    this.#resetEnded(nowMs);
    let isBusy = transport.queuedBytes > 0 || this.unsentBytes > 0 || this.#requests.size > 0;
    for (const probe of this.#busyProbes) isBusy = probe() || isBusy;
    const { receivedBytes, sentBytes, queuedBytes } = transport;
    const verdict = this.#liveness.tick(nowMs, { receivedBytes, sentBytes, queuedBytes, isBusy });
    if (verdict === 'dead') throw new SealaneError('ERR_LINK_DEAD', undefined, { retryable: true });
    // The answer shows in the byte counters; a link that ends meanwhile reports that by itself.
    if (verdict === 'ping') state.mux.ping().catch(() => undefined);
  }

  #resetEnded(nowMs: number): void {
    for (const [stream, dueMs] of this.#ending) {
      if (dueMs > nowMs && !stream.isClosed) return;
      this.#ending.delete(stream);
      stream.reset(ResetCode.GONE);
    }
  }

  #end(error: SealaneError): void {
    const state = this.#state;
    if (state.step === 'ended') return;
    this.#state = { step: 'ended', error };
    this.#timer?.cancel();
    this.turn.stop();
    this.#requests.rejectAll(error);
    if (state.step === 'up') state.mux.close(error);
    this.#busyProbes.clear();
    this.#ending.clear();
    this.#options.handler.onEnd(this, error);
  }
}

import {
  encodeGoAway,
  type Frame,
  type FrameLimits,
  forEachFrame,
  type GoAway,
  parseCredit,
  parseGoAway,
  parseReset,
  splitOpenBody,
} from '@sealane/protocol';
import { FrameFlag, FrameType, MuxLimit, ProtocolSize, ResetCode, resetError, SealaneError } from '@sealane/types';
import type {
  GoAwayOptions,
  MuxBatch,
  MuxOptions,
  MuxStatistics,
  OpenStreamOptions,
  PullOptions,
} from './mux-options.js';
import type { MuxStream } from './mux-stream.js';
import { Outbox, type PulledBatch } from './outbox.js';
import { ownBody } from './own-body.js';
import { Pinger } from './pinger.js';
import { ResetPacer } from './reset-pacer.js';
import { StreamCore, type StreamHost } from './stream-core.js';
import type { StreamHandler } from './stream-handler.js';
import { StreamTable } from './stream-table.js';
import { TokenBucket } from './token-bucket.js';

/**
 * Many flow-controlled streams over one ordered, reliable link of messages or records (docs/protocol/v1.md, "Frames"
 * and "Flow control"). It never sends by itself: the owner of the link pulls batches when the link can take them, and
 * gives what arrives to `receive`. A violation of the peer is a SealaneError thrown by `receive`; the mux is then to
 * be closed, together with its link or session.
 */
export class Mux {
  readonly #options: MuxOptions;
  readonly #limits: FrameLimits;
  readonly #table: StreamTable;
  readonly #outbox: Outbox;
  readonly #pinger: Pinger;
  readonly #resetTokens: TokenBucket;
  readonly #resetPacer: ResetPacer;
  readonly #streamHost: StreamHost;
  readonly #visit: (frame: Frame) => void;
  readonly #counters = {
    framesReceived: 0,
    dataBytesReceived: 0,
    streamsOpened: 0,
    streamsAccepted: 0,
    streamsRefused: 0,
    framesIgnored: 0,
    resetsReceived: 0,
  };
  #closedBy: SealaneError | undefined;
  #goAwaySent: number | undefined;
  #goAwayReceived: GoAway | undefined;
  #isSignalled = false;
  #isPulling = false;

  constructor(options: MuxOptions) {
    this.#options = options;
    this.#limits = {
      maxDataBytes: options.maxBodyBytes,
      maxOpenBytes: options.maxOpenBytes,
      maxMessageBytes: options.allowMessages ? ProtocolSize.CONTROL : 0,
    };
    this.#table = new StreamTable(options.role);
    const { clock } = options;
    this.#outbox = new Outbox(
      { onOpening: (stream) => this.#table.number(stream), onPingSent: () => this.#pinger.onSent() },
      options.maxBodyBytes,
    );
    this.#pinger = new Pinger(clock, this.#outbox.control);
    this.#resetTokens = new TokenBucket(clock, MuxLimit.resetTokens, MuxLimit.resetTokensPerSecond);
    this.#resetPacer = new ResetPacer(clock, (stream) => this.#sendReset(stream, stream.deferredReset));
    this.#streamHost = {
      onReadyChange: (stream) => this.#onReadyChange(stream),
      onCreditDue: (stream) => this.#onCreditDue(stream),
      onLocalReset: (stream, code) => this.#onLocalReset(stream, code),
    };
    this.#visit = (frame) => this.#onFrame(frame);
  }

  /** `pull` would return a batch, given enough room. */
  get hasPending(): boolean {
    return this.#closedBy === undefined && this.#outbox.hasPending;
  }

  get isClosed(): boolean {
    return this.#closedBy !== undefined;
  }

  /** Streams that are not finished, of both directions. */
  get streamCount(): number {
    return this.#table.size;
  }

  /** Messages and RESETs that wait for `pull`. Above 64 KiB `receive` and `sendMessage` throw ERR_MUX_FLOOD. */
  get unsentControlBytes(): number {
    return this.#outbox.control.unsentBytes;
  }

  /** The last round trip. */
  get rttMs(): number | undefined {
    return this.#pinger.rtt.lastMs;
  }

  /** The smallest round trip of the last minute. */
  get minRttMs(): number | undefined {
    return this.#pinger.minRttMs;
  }

  /** Clock time at which the PING that waits for its PONG was handed to a batch. */
  get pingPendingSinceMs(): number | undefined {
    return this.#pinger.pendingSinceMs;
  }

  get statistics(): MuxStatistics {
    const { control, framesSent, dataBytesSent } = this.#outbox;
    return {
      ...this.#counters,
      framesSent: framesSent + control.framesSent,
      dataBytesSent,
      resetsSent: control.resetsSent,
    };
  }

  /** All streams that are not finished, in no particular order. */
  streams(): IterableIterator<MuxStream> {
    return this.#table.streams();
  }

  /**
   * The frames of one whole message or FRAMES body. Handlers are called before it returns. Throws the peer's violation:
   * ERR_PROTOCOL_FRAME, ERR_PROTOCOL_LIMIT, ERR_MUX_CREDIT, ERR_MUX_STREAM, ERR_MUX_FLOOD. A no-op once closed.
   * The mux and its handlers may keep views of `frames`; its memory must not be reused.
   */
  receive(frames: Uint8Array): void {
    if (this.#closedBy !== undefined) return;
    this.#counters.framesIgnored += forEachFrame(frames, this.#limits, this.#visit);
    this.#outbox.control.assertBounded();
  }

  /**
   * Takes the next batch of at most `maxBytes`, which count as sent from then on; undefined when nothing waits or
   * nothing fits. `maxBytes` must have room for the largest OPEN frame. Call it until it returns undefined or the link
   * is full; in the latter case again when the link has room.
   */
  pull(maxBytes: number, options?: PullOptions): MuxBatch | undefined {
    if (this.#closedBy !== undefined) return undefined;
    this.#isPulling = true;
    const pulled = this.#outbox.pull(maxBytes, options?.onlyControl === true);
    this.#isPulling = false;
    this.#isSignalled = this.#outbox.hasPending;
    return pulled === undefined ? undefined : this.#finishBatch(pulled);
  }

  /**
   * Opens a stream. `open` is taken by reference. ERR_STREAM_BUSY at the peer's limit, ERR_MUX_CLOSED after the end or
   * when the peer's GOAWAY excludes the stream, ERR_ARGUMENT for an OPEN body above the limit.
   */
  openStream(open: Uint8Array, handler: StreamHandler, options?: OpenStreamOptions): MuxStream {
    if (this.#closedBy !== undefined) throw new SealaneError('ERR_MUX_CLOSED');
    if (open.length > this.#options.maxOpenBytes) throw new SealaneError('ERR_ARGUMENT', 'the OPEN is too large');
    if (this.#goAwayReceived !== undefined && this.#table.nextOutbound > this.#goAwayReceived.lastStream) {
      throw new SealaneError('ERR_MUX_CLOSED', 'the peer takes no new streams', { retryable: true });
    }
    if (this.#table.outboundCount >= this.#options.maxOutboundStreams || !this.#table.hasNumbersLeft) {
      throw new SealaneError('ERR_STREAM_BUSY', undefined, { retryable: true });
    }
    const stream = this.#createStream(false, handler);
    stream.pendingOpen = open;
    stream.isOpenHeld = options?.holdUntilData === true;
    this.#table.addUnsent(stream);
    this.#counters.streamsOpened += 1;
    stream.refresh();
    return stream;
  }

  /**
   * Sends a control message (`kind u8 | body`, by reference) on the link (0) or on a stream whose OPEN was sent. It
   * overtakes data and goes before a RESET made later. ERR_MUX_FLOOD when too much waits: the link is then to be
   * closed. A no-op for a closed stream and after the end.
   */
  sendMessage(stream: MuxStream | 0, body: Uint8Array): void {
    if (!this.#options.allowMessages) throw new SealaneError('ERR_ARGUMENT', 'no messages on this layer');
    if (body.length === 0 || body.length > ProtocolSize.CONTROL) throw new SealaneError('ERR_PROTOCOL_LIMIT');
    if (this.#closedBy !== undefined) return;
    if (stream !== 0) {
      if (stream.isClosed) return;
      if (stream.id === 0) throw new SealaneError('ERR_ARGUMENT', 'the stream is not open yet');
      const core = this.#table.find(stream.id);
      if (core?.isInbound === true) core.isAnswered = true;
    }
    this.#outbox.control.pushMessage(stream === 0 ? 0 : stream.id, body);
    this.#signal();
    this.#outbox.control.assertBounded();
  }

  /**
   * Measures a round trip in milliseconds, from the batch that takes the PING on. At most one waits: a second call
   * joins the first. Rejects with the error of `close`, and needs no handler.
   */
  ping(): Promise<number> {
    if (this.#closedBy !== undefined) return Promise.reject(this.#closedBy);
    const promise = this.#pinger.ping();
    this.#signal();
    return promise;
  }

  /** Tells the peer which of its streams will be served; later ones get RESET(REFUSED). A second call can only lower it. */
  goAway(options: GoAwayOptions): void {
    const lastStream = Math.min(options.lastStream ?? this.#table.lastPeer, this.#goAwaySent ?? 0xffff_ffff);
    const { code, retryAfterMs = 0, url = '' } = options;
    const body = encodeGoAway({ lastStream, code, retryAfterMs, url });
    if (this.#closedBy !== undefined) return;
    this.#goAwaySent = lastStream;
    this.#outbox.control.goAway = body;
    this.#signal();
  }

  /** Ends every stream with `error` and drops what waits. Idempotent; nothing is sent. */
  close(error: SealaneError): void {
    if (this.#closedBy !== undefined) return;
    this.#closedBy = error;
    this.#resetPacer.stop();
    for (const stream of [...this.#table.streams()]) {
      if (!stream.isClosed) stream.fail(error, ResetCode.GONE);
    }
    this.#table.clear();
    this.#outbox.clear();
    this.#pinger.fail(error);
  }

  #finishBatch(pulled: PulledBatch): MuxBatch {
    const { chunks, bytes, onlyControl, senders } = pulled;
    let streamsWithFin: StreamCore[] | undefined;
    for (const stream of senders) {
      stream.isInBatch = false;
      if (!stream.finSent) continue;
      streamsWithFin ??= [];
      streamsWithFin.push(stream);
      this.#finishIfDone(stream);
    }
    for (const stream of senders) {
      const sentBytes = stream.sentInBatch;
      stream.sentInBatch = 0;
      if (sentBytes === 0) continue;
      stream.handler?.onSent?.(sentBytes);
      if (stream.queuedBytes === 0) stream.handler?.onDrain?.();
    }
    return streamsWithFin === undefined
      ? { chunks, bytes, onlyControl }
      : { chunks, bytes, onlyControl, streamsWithFin };
  }

  #onFrame(frame: Frame): void {
    if (this.#closedBy !== undefined) return;
    this.#counters.framesReceived += 1;
    switch (frame.type) {
      case FrameType.DATA:
        if ((frame.flags & FrameFlag.OPEN) === 0) this.#onData(frame);
        else this.#onOpen(frame);
        break;
      case FrameType.CREDIT:
        this.#findAnswered(frame.streamId)?.addCredit(parseCredit(frame.body), MuxLimit.maxCredit);
        break;
      case FrameType.RESET:
        this.#onReset(frame);
        break;
      case FrameType.PING:
        this.#outbox.control.pong = frame.body.slice();
        this.#signal();
        break;
      case FrameType.PONG:
        this.#pinger.onPong(frame.body);
        break;
      case FrameType.GOAWAY:
        this.#onGoAway(parseGoAway(frame.body));
        break;
      default:
        this.#onMessage(frame);
    }
  }

  #onOpen(frame: Frame): void {
    const { streamId } = frame;
    const { open, data } = splitOpenBody(frame.body, this.#options.maxOpenBytes);
    if (data.length > this.#options.maxBodyBytes) throw new SealaneError('ERR_PROTOCOL_LIMIT');
    this.#table.assertOpening(streamId);
    if (data.length > this.#options.receiveWindowBytes) throw new SealaneError('ERR_MUX_CREDIT');
    const refusal = this.#refusal(streamId);
    if (refusal !== undefined) {
      this.#counters.streamsRefused += 1;
      this.#outbox.control.pushReset(streamId, refusal);
      this.#signal();
      return;
    }
    const stream = this.#createStream(true, undefined);
    this.#table.addInbound(stream, streamId);
    this.#counters.streamsAccepted += 1;
    this.#options.handler.onOpen(stream, open.slice());
    if (stream.handler === undefined) stream.reset(ResetCode.REFUSED);
    const isFin = (frame.flags & FrameFlag.FIN) !== 0;
    if (stream.isClosed || (data.length === 0 && !isFin)) return;
    this.#deliver(stream, data, isFin);
  }

  #refusal(streamId: number): ResetCode | undefined {
    if (this.#goAwaySent !== undefined && streamId > this.#goAwaySent) return ResetCode.REFUSED;
    const isFull = this.#table.inboundCount >= this.#options.maxInboundStreams;
    return isFull || this.#options.budget.refusesStreams ? ResetCode.BUSY : undefined;
  }

  #onData(frame: Frame): void {
    const stream = this.#findAnswered(frame.streamId);
    if (stream === undefined) return;
    if (stream.finReceived) throw new SealaneError('ERR_MUX_STREAM', 'data after FIN');
    this.#deliver(stream, frame.body, (frame.flags & FrameFlag.FIN) !== 0);
  }

  #deliver(stream: StreamCore, body: Uint8Array, isFin: boolean): void {
    stream.window.charge(body.length);
    this.#counters.dataBytesReceived += body.length;
    if (isFin) this.#outbox.control.cancelCredit(stream);
    stream.deliver(ownBody(body), isFin);
    if (isFin) this.#finishIfDone(stream);
    this.#options.budget.relieve();
  }

  #onReset(frame: Frame): void {
    const stream = this.#findLive(frame.streamId);
    if (stream === undefined) return;
    this.#counters.resetsReceived += 1;
    if (stream.isInbound && !stream.isAnswered && !this.#resetTokens.tryTake()) {
      throw new SealaneError('ERR_MUX_FLOOD', 'too many streams opened and reset');
    }
    const code = parseReset(frame.body);
    this.#remove(stream);
    if (stream.deferredReset >= 0) stream.deferredReset = -1;
    else stream.fail(resetError(code), code);
  }

  #onGoAway(goAway: GoAway): void {
    const before = this.#goAwayReceived;
    if (before !== undefined && goAway.lastStream > before.lastStream) {
      throw new SealaneError('ERR_MUX_STREAM', 'a GOAWAY takes an earlier one back');
    }
    this.#goAwayReceived = goAway;
    for (const stream of this.#table.outboundAfter(goAway.lastStream)) {
      this.#remove(stream);
      if (stream.deferredReset >= 0) stream.deferredReset = -1;
      else if (!stream.isClosed) stream.fail(resetError(ResetCode.REFUSED), ResetCode.REFUSED);
    }
    this.#options.handler.onGoAway?.(goAway);
  }

  #onMessage(frame: Frame): void {
    const { streamId, body } = frame;
    const stream = streamId === 0 ? undefined : this.#findAnswered(streamId);
    if (streamId === 0 || stream !== undefined) this.#options.handler.onMessage?.(streamId, stream, body);
  }

  #findLive(id: number): StreamCore | undefined {
    const stream = this.#table.find(id);
    if (stream === undefined) this.#counters.framesIgnored += 1;
    return stream;
  }

  /** The stream of a frame that answers an outbound one. One whose RESET was held back gets it now. */
  #findAnswered(id: number): StreamCore | undefined {
    const stream = this.#findLive(id);
    if (stream === undefined || stream.isInbound) return stream;
    stream.isAnswered = true;
    if (stream.deferredReset < 0) return stream;
    this.#sendReset(stream, stream.deferredReset);
    this.#counters.framesIgnored += 1;
    return undefined;
  }

  #createStream(isInbound: boolean, handler: StreamHandler | undefined): StreamCore {
    const { budget, receiveWindowBytes, sendWindowBytes } = this.#options;
    return new StreamCore({
      host: this.#streamHost,
      budget,
      isInbound,
      receiveWindowBytes,
      sendWindowBytes,
      handler,
    });
  }

  #onReadyChange(stream: StreamCore): void {
    this.#outbox.scheduler.change(stream);
    if (stream.isReady) this.#signal();
    else if (!this.#isPulling && !this.#outbox.hasPending) this.#isSignalled = false;
  }

  #onCreditDue(stream: StreamCore): void {
    if (stream.isCreditListed) return;
    const nowMs = this.#options.clock.nowMs();
    const { maxReceiveWindowBytes } = this.#options;
    if (stream.window.windowBytes < maxReceiveWindowBytes) {
      stream.window.grow(nowMs, this.#pinger.rtt.minMs(nowMs), maxReceiveWindowBytes);
      this.#pinger.ask(nowMs);
    }
    this.#outbox.control.addCredit(stream);
    this.#signal();
  }

  #onLocalReset(stream: StreamCore, code: number): void {
    this.#outbox.control.cancelCredit(stream);
    if (stream.id === 0 || this.#closedBy !== undefined) this.#table.remove(stream);
    else if (stream.isInbound || this.#resetPacer.mayReset(stream, code)) this.#sendReset(stream, code);
  }

  #sendReset(stream: StreamCore, code: number): void {
    stream.deferredReset = -1;
    this.#remove(stream);
    this.#outbox.control.pushReset(stream.id, code);
    this.#signal();
  }

  #finishIfDone(stream: StreamCore): void {
    if (!stream.finSent || !stream.finReceived || stream.isClosed) return;
    stream.finish();
    this.#remove(stream);
  }

  #remove(stream: StreamCore): void {
    this.#table.remove(stream);
    this.#outbox.control.cancelCredit(stream);
  }

  #signal(): void {
    if (this.#isSignalled || this.#isPulling || this.#closedBy !== undefined) return;
    this.#isSignalled = true;
    this.#options.handler.onWritable();
  }
}

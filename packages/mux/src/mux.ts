import { encodeGoAway } from '@sealane/protocol';
import { ProtocolSize, ResetCode, SealaneError } from '@sealane/types';
import { BudgetAccount } from './budget-account.js';
import { FrameReceiver } from './frame-receiver.js';
import type {
  GoAwayOptions,
  MuxBatch,
  MuxOptions,
  MuxStatistics,
  OpenStreamOptions,
  PullOptions,
} from './mux-options.js';
import { MuxState } from './mux-state.js';
import type { MuxStream } from './mux-stream.js';
import { Outbox, type PulledBatch } from './outbox.js';
import { Pinger } from './pinger.js';
import { ResetPacer } from './reset-pacer.js';
import { StreamCore } from './stream-core.js';
import type { StreamHandler } from './stream-handler.js';
import { StreamTable } from './stream-table.js';
import { TurnList } from './turn-list.js';

/**
 * Many flow-controlled streams over one ordered, reliable link of messages or records (docs/protocol/v1.md, "Frames"
 * and "Flow control"). It never sends by itself: the owner of the link pulls batches when the link can take them, and
 * gives what arrives to `receive`. A violation of the peer is a SealaneError thrown by `receive`; the mux is then to
 * be closed, together with its link or session.
 */
export class Mux {
  readonly #options: MuxOptions;
  readonly #state: MuxState = new MuxState();
  readonly #table: StreamTable;
  readonly #outbox: Outbox;
  readonly #pinger: Pinger;
  readonly #receiver: FrameReceiver;
  #resetPacer: ResetPacer | undefined;
  readonly #account: BudgetAccount;
  #isSignalled = false;
  #isPulling = false;

  constructor(options: MuxOptions) {
    this.#options = options;
    this.#account = new BudgetAccount(options.budget);
    this.#table = new StreamTable(options.role);
    this.#outbox = new Outbox(this, options.maxBodyBytes, options.scheduler ?? new TurnList());
    this.#pinger = new Pinger(options.clock, this.#outbox.control);
    this.#receiver = new FrameReceiver(
      this,
      options,
      this.#account,
      this.#state,
      this.#table,
      this.#outbox.control,
      this.#pinger,
    );
  }

  /** `pull` would return a batch, given enough room. */
  get hasPending(): boolean {
    return this.#state.closedBy === undefined && this.#outbox.hasPending;
  }

  get isClosed(): boolean {
    return this.#state.closedBy !== undefined;
  }

  /** The peer's GOAWAY excludes every stream that would be opened now. */
  get isPeerLeaving(): boolean {
    const goAway = this.#state.goAwayReceived;
    return goAway !== undefined && this.#table.nextOutbound > goAway.lastStream;
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
      ...this.#state.counters,
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
   * The mux and its handlers may keep views of `frames`; its memory must not be reused. It may come in several parts.
   */
  receive(frames: Uint8Array | readonly Uint8Array[]): void {
    if (this.#state.closedBy !== undefined) return;
    this.#receiver.receive(frames);
  }

  /**
   * Takes the next batch of at most `maxBytes`, which count as sent from then on; undefined when nothing waits or
   * nothing fits. `maxBytes` must have room for the largest OPEN frame. Call it until it returns undefined or the link
   * is full; in the latter case again when the link has room.
   */
  pull(maxBytes: number, options?: PullOptions): MuxBatch | undefined {
    if (this.#state.closedBy !== undefined) return undefined;
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
    if (this.#state.closedBy !== undefined) throw new SealaneError('ERR_MUX_CLOSED');
    if (open.length > this.#options.maxOpenBytes) throw new SealaneError('ERR_ARGUMENT', 'the OPEN is too large');
    if (this.isPeerLeaving) {
      throw new SealaneError('ERR_MUX_CLOSED', 'the peer takes no new streams', { retryable: true });
    }
    if (this.#table.outboundCount >= this.#options.maxOutboundStreams || !this.#table.hasNumbersLeft) {
      throw new SealaneError('ERR_STREAM_BUSY', undefined, { retryable: true });
    }
    const stream = this.createStream(false, handler);
    stream.group = options?.group;
    stream.pendingOpen = open;
    stream.isOpenHeld = options?.holdUntilData === true;
    this.#table.addUnsent(stream);
    this.#state.counters.streamsOpened += 1;
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
    if (this.#state.closedBy !== undefined) return;
    if (stream !== 0) {
      if (stream.isClosed) return;
      if (stream.id === 0) throw new SealaneError('ERR_ARGUMENT', 'the stream is not open yet');
      const core = this.#table.find(stream.id);
      if (core?.isInbound === true) core.isAnswered = true;
    }
    this.#outbox.control.pushMessage(stream === 0 ? 0 : stream.id, body);
    this.signal();
    this.#outbox.control.assertBounded();
  }

  /**
   * Measures a round trip in milliseconds, from the batch that takes the PING on. At most one waits: a second call
   * joins the first. Rejects with the error of `close`, and needs no handler.
   */
  ping(): Promise<number> {
    if (this.#state.closedBy !== undefined) return Promise.reject(this.#state.closedBy());
    const promise = this.#pinger.ping();
    this.signal();
    return promise;
  }

  /** Tells the peer which of its streams will be served; later ones get RESET(REFUSED). A second call can only lower it. */
  goAway(options: GoAwayOptions): void {
    const lastStream = Math.min(options.lastStream ?? this.#table.lastPeer, this.#state.goAwaySent ?? 0xffff_ffff);
    const { code, retryAfterMs = 0, url = '' } = options;
    const body = encodeGoAway({ lastStream, code, retryAfterMs, url });
    if (this.#state.closedBy !== undefined) return;
    this.#state.goAwaySent = lastStream;
    this.#outbox.control.goAway = body;
    this.signal();
  }

  /** Ends every stream with `error` and drops what waits. Idempotent; nothing is sent. */
  close(error: SealaneError | (() => SealaneError)): void {
    if (this.#state.closedBy !== undefined) return;
    let made: SealaneError | undefined;
    const cause = (): SealaneError => (made ??= typeof error === 'function' ? error() : error);
    this.#state.closedBy = cause;
    this.#resetPacer?.stop();
    for (const stream of [...this.#table.streams()]) {
      if (!stream.isClosed) stream.fail(cause(), ResetCode.GONE);
    }
    this.#table.clear();
    this.#outbox.clear();
    this.#pinger.fail(cause);
  }

  #finishBatch(pulled: PulledBatch): MuxBatch {
    const { chunks, bytes, onlyControl, senders } = pulled;
    let streamsWithFin: StreamCore[] | undefined;
    for (const stream of senders) {
      stream.isInBatch = false;
      if (!stream.finSent) continue;
      streamsWithFin ??= [];
      streamsWithFin.push(stream);
      this.finishIfDone(stream);
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

  /** @internal */
  onOpening(stream: StreamCore): void {
    this.#table.number(stream);
  }

  /** @internal */
  onPingSent(): void {
    this.#pinger.onSent();
  }

  /** @internal */
  createStream(isInbound: boolean, handler?: StreamHandler): StreamCore {
    return new StreamCore(this, isInbound, handler, this.#options, this.#account);
  }

  /** @internal */
  onReadyChange(stream: StreamCore): void {
    this.#outbox.scheduler.change(stream);
    if (stream.isReady) this.signal();
    else if (!this.#isPulling && !this.#outbox.hasPending) this.#isSignalled = false;
  }

  /** @internal */
  onCreditDue(stream: StreamCore): void {
    if (stream.isCreditListed) return;
    const nowMs = this.#options.clock.nowMs();
    const { maxReceiveWindowBytes } = this.#options;
    if (stream.window.windowBytes < maxReceiveWindowBytes) {
      stream.window.grow(nowMs, this.#pinger.rtt.minMs(nowMs), maxReceiveWindowBytes);
      this.#pinger.ask(nowMs);
    }
    this.#outbox.control.addCredit(stream);
    this.signal();
  }

  /** @internal */
  onLocalReset(stream: StreamCore, code: number): void {
    this.#outbox.control.cancelCredit(stream);
    if (stream.id === 0 || this.#state.closedBy !== undefined) this.#table.remove(stream);
    else if (stream.isInbound || this.#mayReset(stream, code)) this.sendReset(stream, code);
  }

  #mayReset(stream: StreamCore, code: number): boolean {
    this.#resetPacer ??= new ResetPacer(this.#options.clock, (held) => this.sendReset(held, held.deferredReset));
    return this.#resetPacer.mayReset(stream, code);
  }

  /** @internal */
  sendReset(stream: StreamCore, code: number): void {
    stream.deferredReset = -1;
    this.remove(stream);
    this.#outbox.control.pushReset(stream.id, code);
    this.signal();
  }

  /** @internal */
  finishIfDone(stream: StreamCore): void {
    if (!stream.finSent || !stream.finReceived || stream.isClosed) return;
    stream.finish();
    this.remove(stream);
  }

  /** @internal */
  remove(stream: StreamCore): void {
    this.#table.remove(stream);
    this.#outbox.control.cancelCredit(stream);
  }

  /** @internal */
  signal(): void {
    if (this.#isSignalled || this.#isPulling || this.#state.closedBy !== undefined) return;
    this.#isSignalled = true;
    this.#options.handler.onWritable();
  }
}

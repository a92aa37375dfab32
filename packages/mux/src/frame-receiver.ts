import {
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
import type { BudgetAccount } from './budget-account.js';
import type { ControlQueue } from './control-queue.js';
import type { MuxOptions } from './mux-options.js';
import type { MuxState } from './mux-state.js';
import { ownBody } from './own-body.js';
import type { Pinger } from './pinger.js';
import type { StreamCore } from './stream-core.js';
import type { StreamTable } from './stream-table.js';
import { TokenBucket } from './token-bucket.js';

/** What received frames make the mux do. */
export interface FrameReceiverHost {
  signal(): void;
  createStream(isInbound: boolean): StreamCore;
  /** Both sides may have ended: then the stream is finished. */
  finishIfDone(stream: StreamCore): void;
  /** The stream is over on the wire. */
  remove(stream: StreamCore): void;
  /** Sends the RESET that was held back for the stream. */
  sendReset(stream: StreamCore, code: number): void;
}

/** The rules for what a peer may send (docs/protocol/v1.md, "Streams" and "Flow control"). */
export class FrameReceiver {
  readonly #options: MuxOptions;
  readonly #account: BudgetAccount;
  readonly #limits: FrameLimits;
  readonly #state: MuxState;
  readonly #table: StreamTable;
  readonly #control: ControlQueue;
  readonly #pinger: Pinger;
  readonly #host: FrameReceiverHost;
  // Most links need neither: a relay holds thousands of idle ones.
  /** What the peer may waste by opening streams and resetting them before an answer. */
  #resetTokens: TokenBucket | undefined;
  /** Each GOAWAY looks at all streams; an orderly end needs two. */
  #goAwayTokens: TokenBucket | undefined;

  constructor(
    host: FrameReceiverHost,
    options: MuxOptions,
    account: BudgetAccount,
    state: MuxState,
    table: StreamTable,
    control: ControlQueue,
    pinger: Pinger,
  ) {
    this.#host = host;
    this.#options = options;
    this.#account = account;
    this.#state = state;
    this.#table = table;
    this.#control = control;
    this.#pinger = pinger;
    this.#limits = {
      maxDataBytes: options.maxBodyBytes,
      maxOpenBytes: options.maxOpenBytes,
      maxMessageBytes: options.allowMessages ? ProtocolSize.CONTROL : 0,
    };
  }

  receive(frames: Uint8Array | readonly Uint8Array[]): void {
    // Not `+=` on the call: the frames count there too while they are visited.
    const ofUnknownTypes = forEachFrame(frames, this.#limits, this.#onFrame);
    this.#state.counters.framesIgnored += ofUnknownTypes;
    this.#control.assertBounded();
  }

  readonly #onFrame = (frame: Frame): void => {
    if (this.#state.closedBy !== undefined) return;
    this.#state.counters.framesReceived += 1;
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
        this.#control.pong = frame.body.slice();
        this.#host.signal();
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
  };

  #onOpen(frame: Frame): void {
    const { streamId } = frame;
    const { open, data } = splitOpenBody(frame.body, this.#options.maxOpenBytes);
    if (data.length > this.#options.maxBodyBytes) throw new SealaneError('ERR_PROTOCOL_LIMIT');
    this.#table.assertOpening(streamId);
    if (data.length > this.#options.receiveWindowBytes) throw new SealaneError('ERR_MUX_CREDIT');
    const refusal = this.#refusal(streamId);
    if (refusal !== undefined) {
      this.#state.counters.streamsRefused += 1;
      this.#control.pushReset(streamId, refusal);
      this.#host.signal();
      this.#options.handler.onRefused?.(refusal);
      return;
    }
    const stream = this.#host.createStream(true);
    this.#table.addInbound(stream, streamId);
    this.#state.counters.streamsAccepted += 1;
    this.#options.handler.onOpen(stream, open.slice());
    if (stream.handler === undefined) stream.reset(ResetCode.REFUSED);
    const isFin = (frame.flags & FrameFlag.FIN) !== 0;
    if (stream.isClosed || (data.length === 0 && !isFin)) return;
    this.#deliver(stream, data, isFin);
  }

  #refusal(streamId: number): ResetCode | undefined {
    if (this.#state.goAwaySent !== undefined && streamId > this.#state.goAwaySent) return ResetCode.REFUSED;
    const isFull = this.#table.inboundCount >= this.#options.maxInboundStreams;
    return isFull || this.#account.refusesStreams ? ResetCode.BUSY : undefined;
  }

  #onData(frame: Frame): void {
    const stream = this.#findAnswered(frame.streamId);
    if (stream === undefined) return;
    if (stream.finReceived) throw new SealaneError('ERR_MUX_STREAM', 'data after FIN');
    this.#deliver(stream, frame.body, (frame.flags & FrameFlag.FIN) !== 0);
  }

  #deliver(stream: StreamCore, body: Uint8Array, isFin: boolean): void {
    stream.window.charge(body.length);
    this.#state.counters.dataBytesReceived += body.length;
    if (isFin) this.#control.cancelCredit(stream);
    stream.deliver(stream.handler?.copies ? body : ownBody(body, this.#options.budget), isFin);
    if (isFin) this.#host.finishIfDone(stream);
    this.#options.budget.relieve();
  }

  #onReset(frame: Frame): void {
    const stream = this.#findLive(frame.streamId);
    if (stream === undefined) return;
    this.#state.counters.resetsReceived += 1;
    const { clock } = this.#options;
    this.#resetTokens ??= new TokenBucket(clock, MuxLimit.resetTokens, MuxLimit.resetTokensPerSecond);
    if (stream.isInbound && !stream.isAnswered && !this.#resetTokens.tryTake()) {
      throw new SealaneError('ERR_MUX_FLOOD', 'too many streams opened and reset');
    }
    const code = parseReset(frame.body);
    this.#host.remove(stream);
    if (stream.deferredReset >= 0) stream.deferredReset = -1;
    else stream.fail(resetError(code), code);
  }

  #onGoAway(goAway: GoAway): void {
    const before = this.#state.goAwayReceived;
    if (before !== undefined && goAway.lastStream > before.lastStream) {
      throw new SealaneError('ERR_MUX_STREAM', 'a GOAWAY takes an earlier one back');
    }
    this.#goAwayTokens ??= new TokenBucket(this.#options.clock, 16, 1);
    if (before !== undefined && !this.#goAwayTokens.tryTake()) {
      throw new SealaneError('ERR_MUX_FLOOD', 'too many GOAWAYs');
    }
    this.#state.goAwayReceived = goAway;
    for (const stream of this.#table.outboundAfter(goAway.lastStream)) {
      this.#host.remove(stream);
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
    if (stream === undefined) this.#state.counters.framesIgnored += 1;
    return stream;
  }

  /** The stream of a frame that answers an outbound one. One whose RESET was held back gets it now. */
  #findAnswered(id: number): StreamCore | undefined {
    const stream = this.#findLive(id);
    if (stream === undefined || stream.isInbound) return stream;
    stream.isAnswered = true;
    if (stream.deferredReset < 0) return stream;
    this.#host.sendReset(stream, stream.deferredReset);
    this.#state.counters.framesIgnored += 1;
    return undefined;
  }
}

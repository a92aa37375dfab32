import { MemoryBudget, Mux, type MuxOptions, type MuxStream, type StreamHandler } from '@sealane/mux';
import { type Frame, type FrameLimits, forEachFrame, parseCredit, splitOpenBody } from '@sealane/protocol';
import type { VirtualClock } from '@sealane/testkit';
import { FrameFlag, FrameType, ResetCode, type SealaneError } from '@sealane/types';
import { assertRule, assertSameBytes } from './violation.js';

/** A control message with its header; data is cut to fit. */
const largestFrameBytes = 8_192 + 9;

/** What a stream's user does by itself when bytes arrive. */
export const Manner = { HOLD: 0, CONSUME: 1, ECHO: 2, RESET: 3, END: 4 } as const;
export type Manner = (typeof Manner)[keyof typeof Manner];

/** A stream of the mux as its user sees it, and what its peer has sent and seen. */
export class ModelStream implements StreamHandler {
  readonly port: MuxStream;
  readonly manner: Manner;
  readonly received: Uint8Array[] = [];
  /** Written here, in order. */
  readonly written: Uint8Array[] = [];
  /** DATA that the peer got. */
  readonly arrived: Uint8Array[] = [];
  resets = 0;
  hasFin = false;
  isEnded = false;
  /** Reset by its own user. */
  isCut = false;
  /** What the peer may still send, and what we may still send, as the peer counts. */
  peerCredit: number;
  ownCredit: number;

  constructor(port: MuxStream, manner: Manner, options: MuxOptions) {
    this.port = port;
    this.manner = manner;
    this.peerCredit = options.receiveWindowBytes;
    this.ownCredit = options.sendWindowBytes;
  }

  onData(chunk: Uint8Array, fin: boolean): void {
    assertRule(this.resets === 0, 'nothing comes after a reset');
    assertRule(!this.hasFin, 'nothing comes after the end');
    assertRule(chunk.length > 0 || fin, 'no empty data');
    this.received.push(chunk.slice());
    this.hasFin = fin;
    switch (this.manner) {
      case Manner.CONSUME:
        this.port.consume(chunk.length);
        break;
      case Manner.ECHO:
        this.write(chunk.slice());
        this.port.consume(chunk.length);
        break;
      case Manner.RESET:
        this.cut();
        break;
      case Manner.END:
        this.end();
        break;
      default:
    }
  }

  onReset(_error: SealaneError, _code: number): void {
    this.resets++;
    assertRule(this.resets === 1, 'a stream is reset once');
    assertRule(this.port.isClosed, 'a stream that is reset is closed');
  }

  write(chunk: Uint8Array): void {
    if (this.isEnded || this.port.isClosed || chunk.length === 0) return;
    this.written.push(chunk);
    this.port.write(chunk);
  }

  cut(): void {
    this.isCut = true;
    this.port.reset(ResetCode.CANCELLED);
  }

  end(): void {
    this.isEnded = true;
    this.port.end();
  }
}

/** A mux, its user, and a peer that sees every frame it sends and knows what it may send itself. */
export class MuxPeerModel {
  readonly mux: Mux;
  readonly budget: MemoryBudget;
  readonly options: MuxOptions;
  readonly streams: ModelStream[] = [];
  /** Of the wire: only streams whose number the peer knows. */
  readonly byId = new Map<number, ModelStream>();
  /** What the next streams that the peer opens will do. */
  manner: Manner = Manner.HOLD;
  refuses = false;
  #isWritable = false;

  constructor(clock: VirtualClock, options: Omit<MuxOptions, 'handler' | 'clock' | 'budget'>, budgetBytes: number) {
    this.budget = new MemoryBudget(budgetBytes);
    this.options = {
      ...options,
      clock,
      budget: this.budget,
      handler: {
        onWritable: () => {
          this.#isWritable = true;
        },
        onOpen: (stream) => {
          if (this.refuses) return;
          const model = new ModelStream(stream, this.manner, this.options);
          stream.handler = model;
          this.streams.push(model);
          this.byId.set(stream.id, model);
        },
        onMessage: (_streamId, stream) => assertRule(stream?.isClosed !== true, 'no message for a closed stream'),
        onGoAway: () => undefined,
      },
    };
    this.mux = new Mux(this.options);
  }

  open(manner: Manner, isHeld: boolean): void {
    const relay: { model?: ModelStream } = {};
    const handler: StreamHandler = {
      onData: (chunk, fin) => relay.model?.onData(chunk, fin),
      onReset: (error, code) => relay.model?.onReset(error, code),
    };
    const port = this.mux.openStream(Uint8Array.of(this.streams.length), handler, { holdUntilData: isHeld });
    relay.model = new ModelStream(port, manner, this.options);
    this.streams.push(relay.model);
  }

  /** One batch to the peer, checked frame by frame. Returns whether there was one. */
  pull(maxBytes: number): Uint8Array | undefined {
    const batch = this.mux.pull(maxBytes);
    if (batch === undefined) {
      // What does not fit waits for a larger batch, and everything fits into one message.
      this.#isWritable = this.mux.hasPending;
      assertRule(!this.#isWritable || maxBytes < largestFrameBytes, 'what waits fits into a batch');
      return undefined;
    }
    const bytes = new Uint8Array(Buffer.concat(batch.chunks));
    assertRule(bytes.length === batch.bytes && bytes.length <= maxBytes, 'a batch keeps its size');
    forEachFrame(bytes, this.#limits, (frame) => this.#see(frame));
    return bytes;
  }

  /** Credit that a peer who keeps the rules sends: it counts from when it arrives. */
  noteCredit(message: Uint8Array): void {
    forEachFrame(message, this.#limits, ({ type, streamId, body }) => {
      const stream = type === FrameType.CREDIT ? this.byId.get(streamId) : undefined;
      if (stream !== undefined) stream.ownCredit += parseCredit(body);
    });
  }

  /** What must be true between any two steps. */
  check(): void {
    assertRule(this.budget.used <= this.budget.limitBytes, `the budget is kept: ${this.budget.used}`);
    assertRule(this.budget.used >= 0 && this.budget.reservedForGrowth >= 0, 'nothing is given back twice');
    assertRule(this.mux.isClosed || this.#isWritable || !this.mux.hasPending, 'who has something to send says so');
    for (const { port } of this.streams) {
      assertRule(port.heldBytes >= 0 && port.queuedBytes >= 0, 'nothing is counted below zero');
      assertRule(port.heldBytes <= this.options.maxReceiveWindowBytes, 'no more is held than a window');
    }
  }

  /** After the end nothing is left of anything. */
  finish(error: SealaneError): void {
    this.mux.close(error);
    for (const { port } of this.streams) {
      assertRule(port.isClosed, 'the end of a mux ends its streams');
      port.consume(port.heldBytes);
    }
    assertRule(this.budget.used === 0, `what was held is given back: ${this.budget.used}`);
    assertRule(this.budget.reservedForGrowth === 0, 'grown windows are given back');
    assertRule(this.mux.streamCount === 0 && !this.mux.hasPending, 'nothing is left');
  }

  get #limits(): FrameLimits {
    const { maxBodyBytes, maxOpenBytes, allowMessages } = this.options;
    return { maxDataBytes: maxBodyBytes, maxOpenBytes, maxMessageBytes: allowMessages ? 8_192 : 0 };
  }

  #see({ type, flags, streamId, body }: Frame): void {
    if (type === FrameType.CREDIT) {
      const stream = this.byId.get(streamId);
      if (stream !== undefined) stream.peerCredit += parseCredit(body);
    }
    if (type !== FrameType.DATA) return;
    let data = body;
    if ((flags & FrameFlag.OPEN) !== 0) {
      const parts = splitOpenBody(body, this.options.maxOpenBytes);
      data = parts.data;
      const stream = this.streams[parts.open[0]!];
      assertRule(stream !== undefined && !this.byId.has(streamId), 'a stream is opened once');
      this.byId.set(streamId, stream);
    }
    const stream = this.byId.get(streamId);
    assertRule(stream !== undefined, 'data is for a stream that was opened');
    stream.ownCredit -= data.length;
    assertRule(stream.ownCredit >= 0, 'nobody sends beyond its credit');
    stream.arrived.push(data.slice());
    const sent = Buffer.concat(stream.arrived);
    const given = Buffer.concat(stream.written);
    assertSameBytes(sent, given.subarray(0, sent.length), 'what arrives was written, in order');
    if ((flags & FrameFlag.FIN) !== 0) assertRule(sent.length === given.length && stream.isEnded, 'the end comes last');
  }
}

import type { SeededRandom, VirtualClock } from '@sealane/testkit';
import { type ResetCode, SealaneError } from '@sealane/types';
import type { AttachablePath } from '../../src/session/resume-half.js';
import type { Session } from '../../src/session/session.js';
import type { PathPlan } from './plan.js';
import type { RecordLedger } from './record-ledger.js';

const TICK_MS = 1_000;
/** Before a session has the path, what happens on it is told to these. */
export interface PathSetup<Message> {
  onMessage(message: Message): void;
  onEnd(): void;
}

/**
 * One end of a relayed stream in memory: bytes in order with credit and delay, cut where the plan says, in pieces of any
 * size. As with the real one nothing is told to the session after the session left it.
 */
export class SimulatedPath<Message> implements AttachablePath {
  /** The largest record that this side may send, its length included. */
  readonly maxSentBytes: number;
  peer!: SimulatedPath<Message>;
  setup: PathSetup<Message> | undefined;
  /** Number of the record that the session has to send next. */
  nextNumber = 0;
  sentBytes = 0;
  /** Dropped unread, because they came after the session had left. */
  lateBytes = 0;
  isEnded = false;
  /** Nobody is at this end who would take anything. */
  isDeaf = false;
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;
  readonly #plan: PathPlan;
  readonly #side: 0 | 1;
  readonly #ledger: RecordLedger;
  readonly #maxRecordBytes: number;
  #sink: Session | undefined;
  #credit: number;
  #unreturned = 0;
  /** Beyond the credit: at most one record. */
  readonly #queue: Uint8Array[] = [];
  #isEndDue = false;
  #isCut = false;
  #hasTurn = false;
  #lastArrivalMs = 0;

  constructor(options: PathPairOptions, side: 0 | 1) {
    const { clock, random, plan, ledgers, maxRecordBytes } = options;
    this.#clock = clock;
    this.#random = random;
    this.#plan = plan;
    this.#side = side;
    this.#ledger = ledgers[side];
    this.#credit = plan.windowBytes;
    this.maxSentBytes = maxRecordBytes[side];
    this.#maxRecordBytes = maxRecordBytes[side === 0 ? 1 : 0];
  }

  get sendableBytes(): number {
    const queuedBytes = this.#queue.reduce((sum, { length }) => sum + length, 0);
    return this.isEnded ? 0 : Math.max(0, this.#credit - queuedBytes);
  }

  attach(sink: Session): void {
    this.setup = undefined;
    this.#sink = sink;
    if (!this.isEnded) this.#clock.schedule(TICK_MS, this.#tick);
  }

  send(parts: readonly Uint8Array[], bytes: number): void {
    const record = new Uint8Array(Buffer.concat(parts));
    if (record.length !== bytes) throw new Error('a record that is not as long as it says');
    if (this.isEnded) throw new Error('a record for a path that was left');
    if (this.sendableBytes === 0) throw new Error('a record for a path without credit');
    this.#ledger.add(this.nextNumber++, record);
    this.#queue.push(record);
    this.#pump();
  }

  sendMessage(message: Message): void {
    this.#deliver((peer) => peer.setup?.onMessage(message));
  }

  /** Nothing of this side arrives before that. */
  delayBy(delayMs: number): void {
    this.#lastArrivalMs = this.#clock.nowMs() + delayMs;
  }

  returnCredit(bytes: number): void {
    this.#unreturned -= bytes;
    if (this.#unreturned < 0) throw new Error('credit for more than came');
    this.#deliver((peer) => {
      peer.#credit += bytes;
      peer.#pump();
      peer.wake();
    });
  }

  wake(): void {
    if (this.#hasTurn || this.isEnded) return;
    this.#hasTurn = true;
    this.#clock.schedule(0, () => {
      this.#hasTurn = false;
      for (let records = 0; !this.isEnded && this.#sink?.sendRecord() === true; records += 1) {
        if (records > 10_000) throw new Error('a session that always has more to send');
      }
    });
  }

  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.#isEndDue = true;
    this.#pump();
  }

  reset(_code?: ResetCode): void {
    if (this.isEnded) return;
    this.#finish();
    this.#deliver((peer) => peer.#onGone());
  }

  /** From here on nothing that this side says gets through; the ends hear of it later. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    if (this.#plan.cutsBoth) this.peer.#isCut = true;
    for (const end of [this, this.peer]) {
      const toldMs = this.#plan.toldMs[end.#side];
      this.#clock.schedule(toldMs, () => end.#onGone());
    }
  }

  /** The link under it is gone. */
  #onGone(): void {
    if (this.isEnded) return;
    this.#finish();
    if (this.#sink !== undefined) this.#sink.onPathEnd(new SealaneError('ERR_LINK_FAILED'));
    else this.setup?.onEnd();
  }

  #finish(): void {
    this.isEnded = true;
    this.#queue.length = 0;
  }

  /** What the credit allows, and the end after all of it. */
  #pump(): void {
    for (let record = this.#queue[0]; record !== undefined && this.#credit > 0; record = this.#queue[0]) {
      const piece = record.subarray(0, this.#credit);
      this.#credit -= piece.length;
      if (piece.length === record.length) this.#queue.shift();
      else this.#queue[0] = record.subarray(piece.length);
      this.#transmit(piece);
    }
    if (!this.#isEndDue || this.#queue.length > 0) return;
    this.#isEndDue = false;
    this.#deliver((peer) => peer.#onGone());
  }

  #transmit(piece: Uint8Array): void {
    const flipAt = this.#plan.flipAtBytes[this.#side] - this.sentBytes;
    const bytes = piece.subarray(0, Math.max(0, this.#plan.cutAtBytes[this.#side] - this.sentBytes));
    if (flipAt >= 0 && flipAt < bytes.length) bytes[flipAt]! ^= 1 << this.#random.int(0, 7);
    this.sentBytes += piece.length;
    for (let offset = 0; offset < bytes.length; ) {
      const length = Math.min(bytes.length - offset, this.#random.int(1, this.#plan.chunkBytes));
      const chunk = bytes.subarray(offset, offset + length);
      offset += length;
      this.#deliver((peer) => peer.#onBytes(chunk));
    }
    if (this.sentBytes >= this.#plan.cutAtBytes[this.#side]) this.cut();
  }

  #onBytes(chunk: Uint8Array): void {
    if (this.isEnded || this.isDeaf) {
      this.lateBytes += chunk.length;
      return;
    }
    if (this.#sink === undefined) throw new Error('records before the path was there');
    this.#unreturned += chunk.length;
    this.#sink.onPathData(chunk);
    if (!this.isEnded && this.#unreturned >= this.#maxRecordBytes) {
      throw new Error(`${this.#unreturned} bytes wait at the receiver`);
    }
  }

  #deliver(event: (peer: SimulatedPath<Message>) => void): void {
    if (this.#isCut) return;
    const nowMs = this.#clock.nowMs();
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, nowMs + this.#plan.delayMs[this.#side]);
    this.#clock.schedule(this.#lastArrivalMs - nowMs, () => event(this.peer));
  }

  readonly #tick = (): void => {
    if (this.isEnded) return;
    this.#sink?.tick();
    if (!this.isEnded) this.#clock.schedule(TICK_MS, this.#tick);
  };
}

export interface PathPairOptions {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly plan: PathPlan;
  readonly ledgers: readonly [RecordLedger, RecordLedger];
  /** The largest record that each side may send, its length included. */
  readonly maxRecordBytes: readonly [number, number];
}

export function createPathPair<Message>(
  options: PathPairOptions,
): readonly [dialer: SimulatedPath<Message>, owner: SimulatedPath<Message>] {
  const dialer = new SimulatedPath<Message>(options, 0);
  const owner = new SimulatedPath<Message>(options, 1);
  dialer.peer = owner;
  owner.peer = dialer;
  return [dialer, owner];
}

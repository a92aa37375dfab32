import { encodeAbort, encodeFramesPrefix, type RecordSealer } from '@sealane/crypto/e2ee';
import type { Mux } from '@sealane/mux';
import {
  type AbortCode,
  type Clock,
  ProtocolSize,
  RecordType,
  ResumptionLimit,
  SealaneError,
  type Timer,
} from '@sealane/types';
import { AckState } from './ack-state.js';
import type { KeptAccount } from './kept-budget.js';
import { LEAST_RECORD_BYTES } from './link-stream-path.js';
import { endsIn, type RecordFlags, SentRecords } from './sent-records.js';
import type { SessionPath } from './session-path.js';

/** `type u8 | ack u64` before the frames, `u24 length` and the tag around them. */
const PLAINTEXT_BEFORE_FRAMES = 9;
const RECORD_AROUND = ProtocolSize.RECORD_LENGTH + ProtocolSize.RECORD_TAG;
/** What FRAMES without data needs of the reserve at least. */
const LEAST_RESERVE_BYTES = 128;

export interface RecordOutOptions {
  readonly sealer: RecordSealer;
  readonly isDialer: boolean;
  /** The largest plaintext that the peer takes. */
  readonly maxPlaintext: number;
  readonly clock: Clock;
  readonly mux: Mux;
  /** Where records are kept for another path; without one they are not. */
  readonly account: KeptAccount | undefined;
  /** Number of the next record expected from the peer: the ack to send. */
  readonly nextExpected: () => number;
  /** There may be something to send. */
  readonly wake: () => void;
}

/**
 * The sending half of a session (v1.md, "Records", "Kept ciphertext"): seals what the mux has when the path can take it,
 * keeps it until it is acknowledged, and sends it again, as it was, on the next path.
 */
export class RecordOut {
  recordsSent = 0;
  readonly ack: AckState;
  readonly sent: SentRecords;
  readonly #options: RecordOutOptions;
  #path: SessionPath | undefined;
  #closeStep: 'none' | 'wanted' | 'sealed' = 'none';
  #closeNumber = 0;
  #blockedSinceMs: number | undefined;
  /** The next record to be sent again on the present path; all below what was sealed. */
  #replayNext = Number.POSITIVE_INFINITY;
  #reserveSinceMs = Number.NEGATIVE_INFINITY;
  #reserveTimer: Timer | undefined;

  constructor(options: RecordOutOptions) {
    this.#options = options;
    this.sent = new SentRecords(options.account);
    this.ack = new AckState(options.clock, options.wake);
  }

  /** Number of the next new record. */
  get nextNumber(): number {
    return this.#options.sealer.nextNumber;
  }

  /** There was something to send and no credit for it. Peers return it at once, so a path without it is broken. */
  get blockedSinceMs(): number | undefined {
    return this.#blockedSinceMs;
  }

  /** CLOSE was asked for, and perhaps sealed. */
  get isClosing(): boolean {
    return this.#closeStep !== 'none';
  }

  get isCloseSealed(): boolean {
    return this.#closeStep === 'sealed';
  }

  /** CLOSE was acknowledged, and the peer knows what we have of it. */
  get isCloseDone(): boolean {
    return this.#closeStep === 'sealed' && !this.ack.isDue && this.sent.acknowledged > this.#closeNumber;
  }

  /** Records go out on `path` from now on, those from `replayFrom` on again. */
  attach(path: SessionPath, replayFrom: number = Number.POSITIVE_INFINITY): void {
    this.#path = path;
    this.#replayFrom(replayFrom);
    this.#blockedSinceMs = undefined;
  }

  detach(): void {
    this.#path = undefined;
    this.#blockedSinceMs = undefined;
  }

  /** CLOSE goes after everything that is queued. */
  requestClose(): void {
    if (this.#closeStep === 'none') this.#closeStep = 'wanted';
  }

  /** Seals and writes at most one record. False when there is nothing (more) that can be sent now. */
  send(): boolean {
    const path = this.#path;
    if (path === undefined) return false;
    if (this.#isReplaying()) return this.#replay(path);
    const room = path.sendableBytes;
    if (room < LEAST_RECORD_BYTES) return this.#block();
    this.#blockedSinceMs = undefined;
    const isReserve = !this.hasKeptRoom();
    if (this.#closeStep === 'sealed') {
      if (this.ack.isDue) this.#sealFrames(path, [], { isPureAck: true, isReserve });
      return false;
    }
    const { sealer, clock, mux, maxPlaintext } = this.#options;
    const isConfirmDue = this.#isConfirmDue();
    if (!isConfirmDue && sealer.rekeyDue(clock.nowMs())) {
      this.#seal(path, RecordType.REKEY, [], { isReserve });
      return true;
    }
    if (isReserve) return this.#sendFromReserve(path, room);
    const largest = Math.min(maxPlaintext, room - RECORD_AROUND, this.sent.roomBytes - RECORD_AROUND);
    const batch = mux.pull(largest - PLAINTEXT_BEFORE_FRAMES);
    const isPureAck = batch === undefined && !isConfirmDue;
    if (isPureAck && this.#closeStep === 'wanted') {
      this.#sealClose(path, false);
      return this.ack.isDue;
    }
    if (isPureAck && !this.ack.isDue) return false;
    this.#sealFrames(path, batch?.chunks ?? [], { ends: endsIn(batch), isPureAck });
    return mux.hasPending || this.#closeStep === 'wanted';
  }

  /** Says why the session ends, if the path can carry it now. */
  tellAbort(code: AbortCode): boolean {
    const path = this.#path;
    if (this.#closeStep === 'sealed' || this.#isConfirmDue() || path === undefined) return false;
    try {
      if (path.sendableBytes >= 64 && !this.#isReplaying()) {
        this.#seal(path, RecordType.ABORT, [encodeAbort(code)], { isReserve: true });
        return true;
      }
    } catch {
      // The numbers are used up, or the path is gone.
    }
    return false;
  }

  /** The session is over. */
  stop(lost: () => SealaneError): void {
    this.ack.stop();
    this.#reserveTimer?.cancel();
    this.#path = undefined;
    this.sent.abandon(lost);
  }

  /** Another record can be kept until it is acknowledged. */
  hasKeptRoom(): boolean {
    return this.sent.roomBytes - RECORD_AROUND >= LEAST_RECORD_BYTES;
  }

  // Methods: the engine calls its runtime for each use of a private accessor.
  #isReplaying(): boolean {
    return this.#replayNext !== Number.POSITIVE_INFINITY;
  }

  #isConfirmDue(): boolean {
    return this.#options.isDialer && this.nextNumber === 0;
  }

  #block(): false {
    this.#blockedSinceMs ??= this.#options.clock.nowMs();
    return false;
  }

  #replay(path: SessionPath): boolean {
    const record = this.sent.kept(this.#replayNext);
    if (record === undefined) throw new SealaneError('ERR_INTERNAL', 'a record was not kept');
    // A window there may be smaller than the record: what is beyond it waits in the outer stream.
    if (path.sendableBytes < Math.min(record.length, LEAST_RECORD_BYTES)) return this.#block();
    this.#blockedSinceMs = undefined;
    path.send(record.parts, record.length);
    this.#replayFrom(this.#replayNext + 1);
    return true;
  }

  /** Infinite once there is nothing left: what is sealed from then on goes out as it is sealed. */
  #replayFrom(number: number): void {
    this.#replayNext = number < this.nextNumber ? number : Number.POSITIVE_INFINITY;
  }

  /** Nothing more is kept: only what may let the peer acknowledge goes out, seldom, up to the reserve. */
  #sendFromReserve(path: SessionPath, room: number): boolean {
    const { clock, mux, account, maxPlaintext, wake } = this.#options;
    account?.wait();
    const waitMs = this.#reserveSinceMs + ResumptionLimit.reserveDelayMs - clock.nowMs();
    if (waitMs > 0) {
      this.#reserveTimer ??= clock.schedule(waitMs, () => {
        this.#reserveTimer = undefined;
        wake();
      });
      return false;
    }
    const reserve = this.sent.reserveRoomBytes;
    const isFull = reserve < LEAST_RESERVE_BYTES;
    const largest = Math.min(maxPlaintext, room - RECORD_AROUND, reserve - RECORD_AROUND) - PLAINTEXT_BEFORE_FRAMES;
    const batch = isFull ? undefined : mux.pull(largest, { onlyControl: true });
    if (batch === undefined && this.#closeStep === 'wanted' && !isFull && !mux.hasPending) {
      this.#sealClose(path, true);
      return false;
    }
    if (batch === undefined && !this.ack.isDue) return false;
    if (isFull) throw new SealaneError('ERR_E2EE_PEER_STALLED');
    this.#reserveSinceMs = clock.nowMs();
    this.#sealFrames(path, batch?.chunks ?? [], { isPureAck: batch === undefined, isReserve: true });
    return false;
  }

  #sealClose(path: SessionPath, isReserve: boolean): void {
    this.#closeNumber = this.#seal(path, RecordType.CLOSE, [], { isReserve });
    this.#closeStep = 'sealed';
  }

  #sealFrames(path: SessionPath, chunks: readonly Uint8Array[], flags: RecordFlags): void {
    const type = this.#isConfirmDue() ? RecordType.CONFIRM : RecordType.FRAMES;
    this.ack.onSent();
    this.#seal(path, type, [encodeFramesPrefix(this.#options.nextExpected()), ...chunks], flags);
  }

  #seal(path: SessionPath, type: RecordType, parts: readonly Uint8Array[], flags: RecordFlags): number {
    const { sealer, clock } = this.#options;
    const number = sealer.nextNumber;
    const record = sealer.sealParts(type, parts);
    let length = 0;
    for (const part of record) length += part.length;
    this.recordsSent += 1;
    this.sent.add({ number, parts: record, length, flags }, clock.nowMs());
    path.send(record, length);
    return number;
  }
}

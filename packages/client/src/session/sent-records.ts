import type { MuxBatch } from '@sealane/mux';
import { ResumptionLimit, SealaneError, SessionLimit } from '@sealane/types';
import type { KeptAccount } from './kept-budget.js';

/** Told when the record that carried its end is acknowledged. */
export interface EndOfStream {
  onEndAcknowledged(): void;
  /** The session ended first: nobody knows whether the end arrived. */
  onEndLost(error: SealaneError): void;
}

/** Places that a session keeps though all was acknowledged. */
const FEW_PLACES = 64;

interface SentEnd {
  readonly number: number;
  readonly stream: EndOfStream;
}

export interface KeptRecord {
  readonly number: number;
  /** As it was sent, its length before it, in parts, and how long they are together. */
  readonly parts: readonly Uint8Array[];
  readonly length: number;
  readonly flags: RecordFlags;
}

export interface RecordFlags {
  readonly ends?: readonly EndOfStream[];
  /** Its acknowledgement is not awaited. */
  readonly isPureAck?: boolean;
  /** Beyond the bound, from the reserve. */
  readonly isReserve?: boolean;
}

/**
 * What was sealed and not acknowledged (v1.md, "Kept ciphertext"). Without an account only the count and the ends of
 * streams in it matter; with one the ciphertext is kept, to be sent again on another path as it was.
 */
export class SentRecords {
  readonly #account: KeptAccount | undefined;
  /**
   * A ring: each record at its number modulo the places. A Map leaves a table behind whenever its places are used up, with all
   * that was kept then and the next table in it: once one has survived two collections of new memory, everything does.
   */
  #kept: (KeptRecord | undefined)[] = [];
  #nextNumber = 0;
  /** After the last record that the peer has to acknowledge: a pure ack is not answered. */
  #awaited = 0;
  #acknowledged = 0;
  #reserveUsed = 0;
  #ends: SentEnd[] = [];
  /** Clock time since which the oldest unacknowledged record waits, or of the last ack that moved. */
  #waitingSinceMs = 0;

  constructor(account?: KeptAccount) {
    this.#account = account;
  }

  get hasUnacknowledged(): boolean {
    return this.#acknowledged < this.#awaited;
  }

  /** Number of the next record that the peer has to acknowledge. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** More ends of streams wait than a peer that acknowledges leaves behind: a slow ack for each would let them grow. */
  get isStalled(): boolean {
    return this.#ends.length > SessionLimit.maxUnacknowledgedEnds;
  }

  get waitingSinceMs(): number {
    return this.#waitingSinceMs;
  }

  /** Bytes of the largest record, its length included, that may be kept now; infinite where none is. */
  get roomBytes(): number {
    return (this.#account?.roomBytes ?? Number.POSITIVE_INFINITY) - ResumptionLimit.keptRecordOverheadBytes;
  }

  get reserveRoomBytes(): number {
    return ResumptionLimit.keptReserveBytes - this.#reserveUsed;
  }

  /** `record` is kept by reference where there is an account to keep it in. */
  add(record: KeptRecord, nowMs: number): void {
    const { number, length, flags } = record;
    this.#nextNumber = number + 1;
    if (this.#account !== undefined) {
      if (number - this.#acknowledged >= this.#kept.length) this.#grow();
      this.#kept[number % this.#kept.length] = record;
      if (flags.isReserve) this.#reserveUsed += length;
      else this.#account.charge(length + ResumptionLimit.keptRecordOverheadBytes);
    }
    if (flags.isPureAck) return;
    if (!this.hasUnacknowledged) this.#waitingSinceMs = nowMs;
    this.#awaited = number + 1;
    for (const stream of flags.ends ?? []) this.#ends.push({ number, stream });
  }

  /** The record as it was sent; undefined for one that was acknowledged or never sealed. */
  kept(number: number): KeptRecord | undefined {
    const record = this.#kept[number % this.#kept.length];
    return record?.number === number ? record : undefined;
  }

  /**
   * Takes the peer's ack and says whether it moved. One that is lower than before is old news; one above what was sent is
   * ERR_E2EE_PROTOCOL.
   */
  acknowledge(next: number, nowMs: number): boolean {
    if (next > this.#nextNumber) throw new SealaneError('ERR_E2EE_PROTOCOL', 'an ack for a record that was not sent');
    if (next <= this.#acknowledged) return false;
    const account = this.#account;
    if (account !== undefined) {
      let released = 0;
      for (let number = this.#acknowledged; number < next; number++) {
        const record = this.kept(number);
        if (record === undefined) continue;
        this.#kept[number % this.#kept.length] = undefined;
        if (record.flags.isReserve) this.#reserveUsed -= record.length;
        else released += record.length + ResumptionLimit.keptRecordOverheadBytes;
      }
      account.charge(-released);
      if (next === this.#nextNumber && this.#kept.length > FEW_PLACES) this.#kept = [];
    }
    this.#acknowledged = next;
    this.#waitingSinceMs = nowMs;
    while (this.#ends.length > 0 && this.#ends[0]!.number < next) this.#ends.shift()!.stream.onEndAcknowledged();
    return true;
  }

  /** The session is over: ends that were not acknowledged are lost, and nothing is kept. */
  abandon(lost: () => SealaneError): void {
    this.#kept = [];
    this.#account?.close();
    const unacknowledged = this.#ends;
    this.#ends = [];
    for (const { stream } of unacknowledged) stream.onEndLost(lost());
  }

  /** Every place is taken. */
  #grow(): void {
    const places = this.#kept;
    const count = places.length * 2 + 4;
    this.#kept = new Array(count);
    for (const record of places) this.#kept[record!.number % count] = record;
    // What is left behind must not keep anything alive.
    places.fill(undefined);
  }
}

/** The streams whose end is in this batch; every handler inside a session is told about its end. */
export function endsIn(batch: MuxBatch | undefined): readonly EndOfStream[] {
  return (batch?.streamsWithFin ?? []).flatMap(({ handler }) => (handler as unknown as EndOfStream | undefined) ?? []);
}

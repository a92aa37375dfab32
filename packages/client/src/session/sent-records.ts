import type { MuxBatch } from '@sealane/mux';
import { ResumptionLimit, SealaneError, SessionLimit } from '@sealane/types';
import type { KeptAccount } from './kept-budget.js';

/** Told when the record that carried its end is acknowledged. */
export interface EndOfStream {
  onEndAcknowledged(): void;
  /** The session ended first: nobody knows whether the end arrived. */
  onEndLost(error: SealaneError): void;
}

interface SentEnds {
  readonly number: number;
  readonly streams: readonly EndOfStream[];
}

export interface KeptRecord {
  /** As it was sent, in parts, and how long they are together. */
  readonly parts: readonly Uint8Array[];
  readonly length: number;
  /** Beyond the bound, from the reserve. */
  readonly isReserve: boolean;
}

export interface SentRecord {
  readonly number: number;
  /** As it was sent, its length before it. Kept by reference where there is an account to keep it in. */
  readonly parts: readonly Uint8Array[];
  readonly length: number;
  readonly nowMs: number;
  readonly ends: readonly EndOfStream[];
  /** Its acknowledgement is not awaited. */
  readonly isPureAck: boolean;
  readonly isReserve: boolean;
}

/**
 * What was sealed and not acknowledged (v1.md, "Kept ciphertext"). Without an account only the count and the ends of
 * streams in it matter; with one the ciphertext is kept, to be sent again on another path as it was.
 */
export class SentRecords {
  readonly #account: KeptAccount | undefined;
  readonly #kept = new Map<number, KeptRecord>();
  #nextNumber = 0;
  /** After the last record that the peer has to acknowledge: a pure ack is not answered. */
  #awaited = 0;
  #acknowledged = 0;
  #reserveUsed = 0;
  #ends: SentEnds[] = [];
  #endCount = 0;
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
    return this.#endCount > SessionLimit.maxUnacknowledgedEnds;
  }

  get waitingSinceMs(): number {
    return this.#waitingSinceMs;
  }

  /** Bytes of the largest record, its length included, that may be kept now; infinite where none is. */
  get roomBytes(): number {
    if (this.#account === undefined) return Number.POSITIVE_INFINITY;
    return this.#account.roomBytes - ResumptionLimit.keptRecordOverheadBytes;
  }

  get reserveRoomBytes(): number {
    if (this.#account === undefined) return Number.POSITIVE_INFINITY;
    return ResumptionLimit.keptReserveBytes - this.#reserveUsed;
  }

  add(record: SentRecord): void {
    const { number, parts, length, nowMs, ends, isPureAck, isReserve } = record;
    this.#nextNumber = number + 1;
    if (this.#account !== undefined) {
      this.#kept.set(number, { parts, length, isReserve });
      if (isReserve) this.#reserveUsed += length;
      else this.#account.take(length + ResumptionLimit.keptRecordOverheadBytes);
    }
    if (isPureAck) return;
    if (!this.hasUnacknowledged) this.#waitingSinceMs = nowMs;
    this.#awaited = number + 1;
    if (ends.length === 0) return;
    this.#ends.push({ number, streams: ends });
    this.#endCount += ends.length;
  }

  /** The record as it was sent; undefined for one that was acknowledged or never sealed. */
  kept(number: number): KeptRecord | undefined {
    return this.#kept.get(number);
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
        const record = this.#kept.get(number);
        if (record === undefined) continue;
        this.#kept.delete(number);
        if (record.isReserve) this.#reserveUsed -= record.length;
        else released += record.length + ResumptionLimit.keptRecordOverheadBytes;
      }
      account.release(released);
    }
    this.#acknowledged = next;
    this.#waitingSinceMs = nowMs;
    while (this.#ends.length > 0 && this.#ends[0]!.number < next) {
      const { streams } = this.#ends.shift()!;
      this.#endCount -= streams.length;
      for (const stream of streams) stream.onEndAcknowledged();
    }
    return true;
  }

  /** The session is over: ends that were not acknowledged are lost, and nothing is kept. */
  abandon(lost: () => SealaneError): void {
    this.#kept.clear();
    this.#account?.close();
    const unacknowledged = this.#ends;
    this.#ends = [];
    this.#endCount = 0;
    for (const { streams } of unacknowledged) for (const stream of streams) stream.onEndLost(lost());
  }
}

/** The streams whose end is in this batch; every handler inside a session is told about its end. */
export function endsIn(batch: MuxBatch | undefined): readonly EndOfStream[] {
  if (batch?.streamsWithFin === undefined) return [];
  return batch.streamsWithFin.flatMap((stream) =>
    stream.handler === undefined ? [] : [stream.handler as unknown as EndOfStream],
  );
}

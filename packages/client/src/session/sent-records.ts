import type { MuxBatch } from '@sealane/mux';
import { SealaneError, SessionLimit } from '@sealane/types';

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

/**
 * What was sealed and not acknowledged. Without resumption only the count and the ends in it matter; this is also where
 * the ciphertext of a session that can be resumed is kept.
 */
export class SentRecords {
  #nextNumber = 0;
  /** After the last record that the peer has to acknowledge: a pure ack is not answered. */
  #awaited = 0;
  #acknowledged = 0;
  #ends: SentEnds[] = [];
  #endCount = 0;
  /** Clock time since which the oldest unacknowledged record waits, or of the last ack that moved. */
  #waitingSinceMs = 0;

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

  add(number: number, nowMs: number, ends: readonly EndOfStream[], isPureAck = false): void {
    this.#nextNumber = number + 1;
    if (isPureAck) return;
    if (!this.hasUnacknowledged) this.#waitingSinceMs = nowMs;
    this.#awaited = number + 1;
    if (ends.length === 0) return;
    this.#ends.push({ number, streams: ends });
    this.#endCount += ends.length;
  }

  /** Takes the peer's ack. One that is lower than before is old news; one above what was sent is ERR_E2EE_PROTOCOL. */
  acknowledge(next: number, nowMs: number): void {
    if (next > this.#nextNumber) throw new SealaneError('ERR_E2EE_PROTOCOL', 'an ack for a record that was not sent');
    if (next <= this.#acknowledged) return;
    this.#acknowledged = next;
    this.#waitingSinceMs = nowMs;
    while (this.#ends.length > 0 && this.#ends[0]!.number < next) {
      const { streams } = this.#ends.shift()!;
      this.#endCount -= streams.length;
      for (const stream of streams) stream.onEndAcknowledged();
    }
  }

  /** The session is over: ends that were not acknowledged are lost. */
  abandon(error: SealaneError): void {
    const lost = this.#ends;
    this.#ends = [];
    this.#endCount = 0;
    for (const { streams } of lost) for (const stream of streams) stream.onEndLost(error);
  }
}

/** The streams whose end is in this batch; every handler inside a session is told about its end. */
export function endsIn(batch: MuxBatch | undefined): readonly EndOfStream[] {
  if (batch?.streamsWithFin === undefined) return [];
  return batch.streamsWithFin.flatMap((stream) =>
    stream.handler === undefined ? [] : [stream.handler as unknown as EndOfStream],
  );
}

import { Fifo } from './fifo.js';

export interface QueuedChunk {
  readonly bytes: Uint8Array;
  /** The bytes before it in its ArrayBuffer may be overwritten with a frame header. */
  readonly hasHeadroom: boolean;
}

/** The sending half of one stream: chunks by reference, and the peer's credit. */
export class SendQueue {
  credit: number;
  queuedBytes = 0;
  #chunks: Fifo<QueuedChunk> | undefined;

  constructor(credit: number) {
    this.credit = credit;
  }

  /** Length of the first chunk, 0 when there is none. */
  get firstBytes(): number {
    return this.#chunks?.first?.bytes.length ?? 0;
  }

  push(bytes: Uint8Array, hasHeadroom: boolean): void {
    this.#chunks ??= new Fifo();
    this.#chunks.push({ bytes, hasHeadroom });
    this.queuedBytes += bytes.length;
  }

  /** Takes the first chunk, or its first `maxBytes`, and charges it to credit. */
  take(maxBytes: number): QueuedChunk {
    const first = this.#chunks!.first!;
    const length = Math.min(first.bytes.length, maxBytes);
    this.credit -= length;
    this.queuedBytes -= length;
    if (length === first.bytes.length) {
      this.#chunks!.shift();
      return first;
    }
    // The rest lies behind bytes that are on their way, so it has no headroom any more.
    this.#chunks!.replaceFirst({ bytes: first.bytes.subarray(length), hasHeadroom: false });
    return { bytes: first.bytes.subarray(0, length), hasHeadroom: first.hasHeadroom };
  }

  drop(): void {
    this.#chunks = undefined;
    this.queuedBytes = 0;
  }
}

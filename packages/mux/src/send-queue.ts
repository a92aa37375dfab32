import { Fifo } from './fifo.js';

export interface QueuedChunk {
  readonly bytes: Uint8Array;
  /** The bytes before it in its ArrayBuffer may be overwritten with a frame header. */
  readonly hasHeadroom: boolean;
}

/** A chunk up to this size that has to wait is joined with its neighbours: as an object of its own it costs more. */
const smallBytes = 256;
const maxJoinedBytes = 4_096;

/** The sending half of one stream: chunks by reference, and the peer's credit. */
export class SendQueue {
  credit: number;
  queuedBytes = 0;
  #chunks: Fifo<QueuedChunk> | undefined;
  /** Memory of the last chunk if that was joined here; it may have room behind it. */
  #joined: Uint8Array | undefined;

  constructor(credit: number) {
    this.credit = credit;
  }

  /** Length of the first chunk, 0 when there is none. */
  get firstBytes(): number {
    return this.#chunks?.first?.bytes.length ?? 0;
  }

  push(bytes: Uint8Array, hasHeadroom: boolean): void {
    this.#chunks ??= new Fifo();
    this.queuedBytes += bytes.length;
    if (bytes.length <= smallBytes && this.#join(this.#chunks, bytes)) return;
    this.#joined = undefined;
    this.#chunks.push({ bytes, hasHeadroom });
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
    this.#joined = undefined;
    this.queuedBytes = 0;
  }

  /** Appends to the last chunk if that is small or was joined before. Bytes that were taken are never written to. */
  #join(chunks: Fifo<QueuedChunk>, bytes: Uint8Array): boolean {
    const last = chunks.last?.bytes;
    if (last === undefined) return false;
    const length = last.length + bytes.length;
    const memory = this.#joined !== undefined && last.buffer === this.#joined.buffer ? this.#joined : undefined;
    const end = memory === undefined ? 0 : last.byteOffset + length;
    if (memory !== undefined && end <= memory.length) {
      memory.set(bytes, end - bytes.length);
      chunks.replaceLast({ bytes: memory.subarray(last.byteOffset, end), hasHeadroom: false });
      return true;
    }
    if (length > maxJoinedBytes || (memory === undefined && last.length > smallBytes)) return false;
    const larger = new Uint8Array(Math.min(maxJoinedBytes, length * 2));
    larger.set(last);
    larger.set(bytes, last.length);
    this.#joined = larger;
    chunks.replaceLast({ bytes: larger.subarray(0, length), hasHeadroom: false });
    return true;
  }
}

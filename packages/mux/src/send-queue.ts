import { Fifo } from './fifo.js';
import { joinChunks } from './join-chunks.js';

/** Chunks that go out as one, without being one piece of memory. */
export interface ChunkGroup {
  readonly chunks: readonly Uint8Array[];
  /** Of all of them together. */
  readonly length: number;
}

export type QueuedChunk = Uint8Array | ChunkGroup;

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
    return this.#chunks?.first?.length ?? 0;
  }

  push(chunk: QueuedChunk): void {
    this.#chunks ??= new Fifo();
    this.queuedBytes += chunk.length;
    if (chunk.length <= smallBytes && chunk instanceof Uint8Array && this.#join(this.#chunks, chunk)) return;
    this.#joined = undefined;
    this.#chunks.push(chunk);
  }

  /** Takes the first chunk, or its first `maxBytes`, and charges it to credit. */
  take(maxBytes: number): QueuedChunk {
    const first = this.#chunks!.first!;
    const length = Math.min(first.length, maxBytes);
    this.credit -= length;
    this.queuedBytes -= length;
    if (length === first.length) {
      this.#chunks!.shift();
      return first;
    }
    // A group is cut only where it does not fit into a frame, or beyond its credit.
    const whole = first instanceof Uint8Array ? first : joinChunks(first.chunks, first.length);
    this.#chunks!.replaceFirst(whole.subarray(length));
    return whole.subarray(0, length);
  }

  drop(): void {
    this.#chunks = undefined;
    this.#joined = undefined;
    this.queuedBytes = 0;
  }

  /** Appends to the last chunk if that is small or was joined before. Bytes that were taken are never written to. */
  #join(chunks: Fifo<QueuedChunk>, bytes: Uint8Array): boolean {
    const { last } = chunks;
    if (!(last instanceof Uint8Array)) return false;
    const length = last.length + bytes.length;
    const memory = this.#joined !== undefined && last.buffer === this.#joined.buffer ? this.#joined : undefined;
    const end = memory === undefined ? 0 : last.byteOffset + length;
    if (memory !== undefined && end <= memory.length) {
      memory.set(bytes, end - bytes.length);
      chunks.replaceLast(memory.subarray(last.byteOffset, end));
      return true;
    }
    if (length > maxJoinedBytes || (memory === undefined && last.length > smallBytes)) return false;
    const larger = new Uint8Array(Math.min(maxJoinedBytes, length * 2));
    larger.set(last);
    larger.set(bytes, last.length);
    this.#joined = larger;
    chunks.replaceLast(larger.subarray(0, length));
    return true;
  }
}

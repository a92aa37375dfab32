import type { MuxStream } from '@sealane/mux';

/** A chunk up to this size is copied beside its neighbours: as an object of its own it costs more than it is charged. */
const SMALL_BYTES = 1_024;
const MAX_JOINED_BYTES = 16_384;

/** Data that came before the answer to a request, in few pieces however small its frames were. The caller bounds it. */
export class EarlyData {
  isFinished = false;
  #chunks: Uint8Array[] = [];
  /** The last chunk's memory if it was made here, and how much of it is used. */
  #joined: Uint8Array | undefined;
  #joinedBytes = 0;

  push(chunk: Uint8Array): void {
    if (chunk.length > SMALL_BYTES) {
      this.#seal();
      this.#chunks.push(chunk);
      return;
    }
    const end = this.#joinedBytes + chunk.length;
    if (end > MAX_JOINED_BYTES) this.#seal();
    const start = this.#joinedBytes;
    this.#reserve(start + chunk.length).set(chunk, start);
    this.#joinedBytes = start + chunk.length;
  }

  /** All of it, in order; nothing is kept. */
  take(): readonly Uint8Array[] {
    this.#seal();
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }

  /** Gives a stream's new handler what came before it. */
  handOver(stream: MuxStream): void {
    for (const chunk of this.take()) stream.handler?.onData(chunk, false);
    if (this.isFinished) stream.handler?.onData(new Uint8Array(0), true);
  }

  #seal(): void {
    if (this.#joined !== undefined) this.#chunks.push(this.#joined.subarray(0, this.#joinedBytes));
    this.#joined = undefined;
    this.#joinedBytes = 0;
  }

  #reserve(bytes: number): Uint8Array {
    if (this.#joined !== undefined && this.#joined.length >= bytes) return this.#joined;
    const larger = new Uint8Array(Math.min(MAX_JOINED_BYTES, bytes * 2));
    if (this.#joined !== undefined) larger.set(this.#joined.subarray(0, this.#joinedBytes));
    this.#joined = larger;
    return larger;
  }
}

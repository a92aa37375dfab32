import { writeFrameHeader } from '@sealane/protocol';
import { FRAME_HEADER_BYTES } from '@sealane/types';
import type { QueuedChunk } from './send-queue.js';

/** Bodies up to this size are copied beside their header: a view of its own would cost more than the copy. */
const inlineBytes = 256;

// Headers are laid out here and copied out once per batch, so that a batch owns exactly the bytes it needs. Building
// a batch never gives control away, so one scratch serves all muxes.
let scratch: Uint8Array = new Uint8Array(4_096);

/** Lays out one batch: headers and small bodies in memory of its own, large bodies by reference. */
export class BatchWriter {
  bytes = 0;
  #end = 0;
  /** For each large body: where in the scratch it belongs. */
  readonly #bodies: Uint8Array[] = [];
  readonly #places: number[] = [];

  header(type: number, flags: number, streamId: number, bodyLength: number): void {
    this.#reserve(FRAME_HEADER_BYTES);
    writeFrameHeader(scratch, this.#end, type, flags, streamId, bodyLength);
    this.#advance(FRAME_HEADER_BYTES);
  }

  uint16(value: number): void {
    this.#reserve(2);
    scratch[this.#end] = value >>> 8;
    scratch[this.#end + 1] = value;
    this.#advance(2);
  }

  uint32(value: number): void {
    this.#reserve(4);
    scratch[this.#end] = value >>> 24;
    scratch[this.#end + 1] = value >>> 16;
    scratch[this.#end + 2] = value >>> 8;
    scratch[this.#end + 3] = value;
    this.#advance(4);
  }

  copy(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    scratch.set(bytes, this.#end);
    this.#advance(bytes.length);
  }

  /** A body, or a piece of one, after its header. */
  body(chunk: QueuedChunk): void {
    for (const bytes of chunk instanceof Uint8Array ? [chunk] : chunk.chunks) {
      if (bytes.length <= inlineBytes) {
        this.copy(bytes);
      } else {
        this.#bodies.push(bytes);
        this.#places.push(this.#end);
        this.bytes += bytes.length;
      }
    }
  }

  finish(): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    let start = 0;
    for (let index = 0; index < this.#bodies.length; index += 1) {
      const place = this.#places[index]!;
      // Short arrays of their own cost less than views of one.
      if (place > start) chunks.push(scratch.slice(start, place));
      chunks.push(this.#bodies[index]!);
      start = place;
    }
    if (start < this.#end) chunks.push(scratch.slice(start, this.#end));
    return chunks;
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= scratch.length) return;
    const larger = new Uint8Array(Math.max(scratch.length * 2, this.#end + bytes));
    larger.set(scratch);
    scratch = larger;
  }

  #advance(bytes: number): void {
    this.#end += bytes;
    this.bytes += bytes;
  }
}

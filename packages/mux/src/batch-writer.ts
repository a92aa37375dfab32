import { writeFrameHeader } from '@sealane/protocol';
import { FRAME_HEADER_BYTES } from '@sealane/types';
import type { QueuedChunk } from './send-queue.js';

/** Bodies up to this size are copied beside their header: a view of its own would cost more than the copy. */
const inlineBytes = 256;
const slabBytes = 4_096;

// Headers and small bodies of all muxes lie here one after another: memory of its own for each batch costs more than all
// else that makes it. Building a batch never gives control away.
let slab: Uint8Array = new Uint8Array(0);
let end = 0;

/** Lays out one batch: headers and small bodies in memory that batches share, large bodies by reference. */
export class BatchWriter {
  bytes = 0;
  readonly #chunks: Uint8Array[] = [];
  /** Of what lies in the slab and is in no chunk yet. */
  #start = end;

  header(type: number, flags: number, streamId: number, bodyLength: number): void {
    const at = this.#reserve(FRAME_HEADER_BYTES);
    writeFrameHeader(slab, at, type, flags, streamId, bodyLength);
  }

  uint16(value: number): void {
    const at = this.#reserve(2);
    slab[at] = value >>> 8;
    slab[at + 1] = value;
  }

  uint32(value: number): void {
    this.uint16(value >>> 16);
    this.uint16(value);
  }

  copy(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    slab.set(bytes, at);
  }

  /** A body, or a piece of one, after its header. */
  body(chunk: QueuedChunk): void {
    if (chunk instanceof Uint8Array) this.#add(chunk);
    else for (const bytes of chunk.chunks) this.#add(bytes);
  }

  finish(): Uint8Array[] {
    if (end > this.#start) this.#chunks.push(slab.subarray(this.#start, end));
    this.#start = end;
    return this.#chunks;
  }

  #add(bytes: Uint8Array): void {
    if (bytes.length <= inlineBytes) {
      this.copy(bytes);
    } else {
      this.finish().push(bytes);
      this.bytes += bytes.length;
    }
  }

  /** Where so many bytes may be written. */
  #reserve(bytes: number): number {
    if (end + bytes > slab.length) {
      this.finish();
      slab = new Uint8Array(Math.max(slabBytes, bytes));
      this.#start = 0;
      end = 0;
    }
    end += bytes;
    this.bytes += bytes;
    return end - bytes;
  }
}

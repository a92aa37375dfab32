import { ProtocolSize, SealaneError } from '@sealane/types';
import { concatBytes } from '../../primitives/bytes.js';
import type { Ciphertext } from './record-opener.js';

/** Smaller pieces are joined with their neighbours: as objects of their own they would cost more than they are counted. */
const LARGE_PIECE_BYTES = 8_192;

/**
 * Cuts a stream of bytes into the ciphertexts of records, incrementally. What it holds is at most one unfinished record.
 * A length that no record can have counts as a record that does not open, before memory is taken for it: it is given out
 * as an empty ciphertext, which RecordOpener refuses, and every later call throws ERR_E2EE_INTEGRITY.
 */
export class RecordReader {
  readonly #maxLength: number;
  #headerBytes = 0;
  #length = 0;
  /** What arrived of the record whose rest has not, `#filled` bytes: large pieces as they came, small ones joined. */
  #parts: Uint8Array[] = [];
  #filled = 0;
  #isBroken = false;

  /** `maxPlaintext` is what this side named in its handshake message. */
  constructor(maxPlaintext: number) {
    this.#maxLength = maxPlaintext + ProtocolSize.RECORD_TAG;
  }

  /** Bytes of an unfinished record that wait for its rest. */
  get bufferedBytes(): number {
    return this.#headerBytes + this.#filled;
  }

  /**
   * The ciphertexts that are complete with this chunk, in order: views of the chunk where it holds them whole, otherwise
   * the pieces in which they came.
   */
  push(chunk: Uint8Array): Ciphertext[] {
    if (this.#isBroken) throw new SealaneError('ERR_E2EE_INTEGRITY');
    const records: Ciphertext[] = [];
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#headerBytes < ProtocolSize.RECORD_LENGTH) {
        this.#length = (this.#length << 8) | chunk[offset++]!;
        this.#headerBytes++;
        if (this.#headerBytes < ProtocolSize.RECORD_LENGTH) continue;
        if (this.#length <= ProtocolSize.RECORD_TAG || this.#length > this.#maxLength) {
          this.#isBroken = true;
          records.push(new Uint8Array(0));
          return records;
        }
        continue;
      }
      const taken = chunk.subarray(offset, offset + this.#length - this.#filled);
      offset += taken.length;
      this.#add(taken);
      if (this.#filled < this.#length) continue;
      records.push(this.#parts.length === 1 ? this.#parts[0]! : this.#parts);
      this.#headerBytes = 0;
      this.#length = 0;
      this.#parts = [];
      this.#filled = 0;
    }
    return records;
  }

  #add(taken: Uint8Array): void {
    const last = this.#parts.at(-1);
    this.#filled += taken.length;
    if (last !== undefined && last.length < LARGE_PIECE_BYTES && taken.length < LARGE_PIECE_BYTES) {
      this.#parts[this.#parts.length - 1] = concatBytes([last, taken]);
    } else {
      this.#parts.push(taken);
    }
  }
}

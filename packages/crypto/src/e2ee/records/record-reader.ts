import { ProtocolSize, SealaneError } from '@sealane/types';
import type { Ciphertext } from './record-opener.js';

/** Smaller pieces are gathered: as objects of their own they would cost more than they are counted. */
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
  /** What arrived of the record whose rest has not, `#filled` bytes: large pieces as they came, small ones gathered. */
  #parts: Uint8Array[] = [];
  #gathered: Uint8Array | undefined;
  #gatheredBytes = 0;
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
      const missing = this.#length - this.#filled;
      const taken = chunk.subarray(offset, offset + missing);
      offset += taken.length;
      if (taken.length === this.#length) {
        records.push(taken);
        this.#startNext();
        continue;
      }
      this.#add(taken);
      if (this.#filled < this.#length) continue;
      this.#endGathering();
      records.push(this.#parts.length === 1 ? this.#parts[0]! : this.#parts);
      this.#startNext();
    }
    return records;
  }

  #add(taken: Uint8Array): void {
    if (taken.length >= LARGE_PIECE_BYTES) {
      this.#endGathering();
      this.#parts.push(taken);
      this.#filled += taken.length;
      return;
    }
    for (let at = 0; at < taken.length; ) {
      this.#gathered ??= new Uint8Array(Math.min(LARGE_PIECE_BYTES, this.#length - this.#filled));
      const piece = taken.subarray(at, at + this.#gathered.length - this.#gatheredBytes);
      this.#gathered.set(piece, this.#gatheredBytes);
      this.#gatheredBytes += piece.length;
      this.#filled += piece.length;
      at += piece.length;
      if (this.#gatheredBytes === this.#gathered.length) this.#endGathering();
    }
  }

  #endGathering(): void {
    if (this.#gathered !== undefined) this.#parts.push(this.#gathered.subarray(0, this.#gatheredBytes));
    this.#gathered = undefined;
    this.#gatheredBytes = 0;
  }

  #startNext(): void {
    this.#headerBytes = 0;
    this.#length = 0;
    this.#parts = [];
    this.#filled = 0;
  }
}

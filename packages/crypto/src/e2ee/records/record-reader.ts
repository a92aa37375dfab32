import { ProtocolSize, SealaneError } from '@sealane/types';
import { platformCrypto } from '#platform-crypto';

/**
 * Cuts a stream of bytes into the ciphertexts of records, incrementally. What it holds is at most one unfinished record.
 * A length that no record can have counts as a record that does not open, before memory is taken for it: it is given out
 * as an empty ciphertext, which RecordOpener refuses, and every later call throws ERR_E2EE_INTEGRITY.
 */
export class RecordReader {
  readonly #maxLength: number;
  #headerBytes = 0;
  #length = 0;
  /** The record whose rest has not arrived, filled up to `#filled`. */
  #partial: Uint8Array | undefined;
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
   * the array in which they were gathered.
   */
  push(chunk: Uint8Array): Uint8Array[] {
    if (this.#isBroken) throw new SealaneError('ERR_E2EE_INTEGRITY');
    const records: Uint8Array[] = [];
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#headerBytes < ProtocolSize.RECORD_LENGTH) {
        this.#length = (this.#length << 8) | chunk[offset++]!;
        if (++this.#headerBytes < ProtocolSize.RECORD_LENGTH) continue;
        if (this.#length > ProtocolSize.RECORD_TAG && this.#length <= this.#maxLength) continue;
        this.#isBroken = true;
        records.push(new Uint8Array(0));
        return records;
      }
      const taken = chunk.subarray(offset, offset + this.#length - this.#filled);
      offset += taken.length;
      let record = taken;
      if (taken.length < this.#length) {
        this.#partial ??= platformCrypto.createMemory?.(this.#length) ?? new Uint8Array(this.#length);
        this.#partial.set(taken, this.#filled);
        this.#filled += taken.length;
        if (this.#filled < this.#length) continue;
        record = this.#partial;
      }
      records.push(record);
      this.#headerBytes = 0;
      this.#length = 0;
      this.#partial = undefined;
      this.#filled = 0;
    }
    return records;
  }
}

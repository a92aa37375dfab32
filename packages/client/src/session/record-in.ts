import { type OpenedRecord, type RecordOpener, RecordReader } from '@sealane/crypto/e2ee';

/** The receiving half of a session: bytes of the present path to opened records, and what credit they give back. */
export class RecordIn {
  readonly #opener: RecordOpener;
  readonly #maxPlaintext: number;
  #reader: RecordReader;
  /** Bytes received whose credit was not given back. */
  #receivedBytes = 0;

  /** `maxPlaintext` is what this side named in its handshake message. */
  constructor(opener: RecordOpener, maxPlaintext: number) {
    this.#opener = opener;
    this.#maxPlaintext = maxPlaintext;
    this.#reader = new RecordReader(maxPlaintext);
  }

  /** Number of the next record expected. */
  get nextNumber(): number {
    return this.#opener.nextNumber;
  }

  /** A new path: a record that the old one left half is discarded. */
  restart(): void {
    this.#reader = new RecordReader(this.#maxPlaintext);
    this.#receivedBytes = 0;
  }

  /** Gives each record that is complete to `onRecord`, as long as that wants more. ERR_E2EE_INTEGRITY, ERR_E2EE_PROTOCOL. */
  push(chunk: Uint8Array, onRecord: (record: OpenedRecord, ciphertextBytes: number) => boolean): void {
    this.#receivedBytes += chunk.length;
    for (const ciphertext of this.#reader.push(chunk)) {
      if (!onRecord(this.#opener.open(ciphertext), ciphertext.length)) return;
    }
  }

  /** Bytes opened since this was asked last. */
  takeOpenedBytes(): number {
    const { bufferedBytes } = this.#reader;
    const opened = this.#receivedBytes - bufferedBytes;
    this.#receivedBytes = bufferedBytes;
    return opened;
  }
}

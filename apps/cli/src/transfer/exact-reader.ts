import { broken } from './transfer-protocol.js';

/** Reads pieces of a given length from a stream that may come in any pieces. */
export class ExactReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);

  constructor(readable: ReadableStream<Uint8Array>) {
    this.#reader = readable.getReader();
  }

  /** ERR_TRANSFER_PROTOCOL when the stream ends before; whatever else ends the stream. */
  async read(length: number): Promise<Uint8Array> {
    while (this.#held.length < length) {
      const { value, done } = await this.#reader.read();
      if (done) throw broken('it ended before it had said all');
      this.#held = Buffer.concat([this.#held, value]);
    }
    const piece = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return piece;
  }
}

import { ProtocolSize } from '@sealane/types';

/** Puts the pieces of one direction of a session together to whole records, `u24 length | ciphertext`. */
export class RecordLane {
  /** Records that were whole so far. */
  count = 0;
  #held: Uint8Array = new Uint8Array(0);

  push(chunk: Uint8Array): Uint8Array[] {
    let bytes: Uint8Array = Buffer.concat([this.#held, chunk]);
    const records: Uint8Array[] = [];
    for (;;) {
      if (bytes.length < ProtocolSize.RECORD_LENGTH) break;
      const length = ProtocolSize.RECORD_LENGTH + (((bytes[0] ?? 0) << 16) | ((bytes[1] ?? 0) << 8) | (bytes[2] ?? 0));
      if (bytes.length < length) break;
      records.push(bytes.slice(0, length));
      bytes = bytes.subarray(length);
      this.count += 1;
    }
    this.#held = bytes;
    return records;
  }

  /** Bytes of a record that is not whole. */
  rest(): Uint8Array {
    return this.#held;
  }
}

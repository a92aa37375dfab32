/** `u24 length`, type, tag. */
const BARE_RECORD_BYTES = 20;

/**
 * Every record that one side gave to a path, by its number: a number stands for the same bytes for ever, on whatever path
 * (no nonce is used for anything new), and none is left out.
 */
export class RecordLedger {
  readonly #records: Uint8Array[] = [];
  #bytesBefore: number[] = [0];

  /** Records that were ever sent. */
  get count(): number {
    return this.#records.length;
  }

  /** Records that are a type and nothing else, but one: CLOSE is such a record too. */
  get rekeys(): number {
    const bare = this.#records.filter(({ length }) => length === BARE_RECORD_BYTES).length;
    return Math.max(0, bare - 1);
  }

  add(number: number, record: Uint8Array): void {
    const known = this.#records[number];
    if (known !== undefined) {
      if (Buffer.compare(known, record) !== 0)
        throw new Error(`record ${number} was sent with other bytes than before`);
      return;
    }
    if (number !== this.#records.length) throw new Error(`record ${number} came after ${this.#records.length} records`);
    this.#records.push(record.slice());
    this.#bytesBefore.push(this.#bytesBefore[number]! + record.length);
  }

  /** Ciphertext of the records from `number` on: what their sender has to keep at least. */
  bytesFrom(number: number): number {
    return this.#bytesBefore[this.#records.length]! - this.#bytesBefore[number]!;
  }
}

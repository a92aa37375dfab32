/**
 * Reads an input as the choices of a structured case: numbers, picks, byte strings. Past its end everything is zero, so
 * that every input is a case and cutting one short makes it simpler.
 */
export class Script {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isOver(): boolean {
    return this.#at >= this.#bytes.length;
  }

  u8(): number {
    const value = this.#bytes[this.#at] ?? 0;
    this.#at += 1;
    return value;
  }

  u16(): number {
    return this.u8() * 256 + this.u8();
  }

  u32(): number {
    return this.u16() * 65_536 + this.u16();
  }

  /** 0 to `below` - 1; below is at most 65,536. */
  below(below: number): number {
    return (below <= 256 ? this.u8() : this.u16()) % below;
  }

  flag(): boolean {
    return (this.u8() & 1) === 1;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  /** `count` bytes that stand in the script, fewer at its end. A view. */
  bytes(count: number): Uint8Array {
    const start = Math.min(this.#at, this.#bytes.length);
    this.#at += count;
    return this.#bytes.subarray(start, start + count);
  }

  /** `u8 length | bytes`: small strings. */
  string(): Uint8Array {
    return this.bytes(this.u8());
  }

  /** `count` bytes that follow from one byte of the script: for payload whose content does not matter. */
  filled(count: number): Uint8Array {
    const seed = this.u8();
    const bytes = new Uint8Array(count);
    for (let index = 0; index < count; index++) bytes[index] = seed + index * 7 + (index >>> 8);
    return bytes;
  }

  rest(): Uint8Array {
    const start = Math.min(this.#at, this.#bytes.length);
    this.#at = this.#bytes.length;
    return this.#bytes.subarray(start);
  }
}

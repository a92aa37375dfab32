import { messageError } from '../protocol-error.js';
import { encodeUtf8 } from '../text.js';

/** What control bodies consist of (v1.md, "MessagePack subset"). Integers are unsigned, at most 2^53-1. */
export type WireValue = null | number | string | Uint8Array | readonly WireValue[];

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Reads the one value of bytes that assertCanonical has taken: nothing is checked again. */
export class CanonicalReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(): WireValue {
    const head = this.#uint(1);
    if (head < 0x80) return head;
    if (head < 0xa0) return this.#array(head & 0x0f);
    if (head < 0xc0) return this.#text(head & 0x1f);
    if (head === 0xc0) return null;
    if (head <= 0xc6) return this.#take(this.#uint(1 << (head - 0xc4)));
    if (head <= 0xcf) return this.#uint(1 << (head - 0xcc));
    if (head <= 0xdb) return this.#text(this.#uint(1 << (head - 0xd9)));
    return this.#array(this.#uint(head === 0xdc ? 2 : 4));
  }

  #uint(size: number): number {
    let value = 0;
    for (const end = this.#at + size; this.#at < end; this.#at += 1) value = value * 256 + this.#bytes[this.#at]!;
    return value;
  }

  #take(length: number): Uint8Array {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #text(length: number): string {
    return decoder.decode(this.#take(length));
  }

  #array(count: number): WireValue[] {
    return Array.from({ length: count }, () => this.read());
  }
}

/** Writes values, each in its shortest form. */
export class CanonicalWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** Everything written, in a new array. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  write(value: WireValue): void {
    if (value === null) this.#uint(0xc0, 1);
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'string') this.#text(encodeUtf8(value));
    else if (value instanceof Uint8Array) {
      this.#head(value.length, [0xc4, 0xc5, 0xc6]);
      this.#put(value);
    } else {
      if (value.length < 16) this.#uint(0x90 | value.length, 1);
      else this.#head(value.length, [0xdc, 0xdc, 0xdd], 1);
      for (const element of value) this.write(element);
    }
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw messageError('an integer is out of range');
    if (value < 0x80) this.#uint(value, 1);
    else if (value <= 0xffff_ffff) this.#head(value, [0xcc, 0xcd, 0xce]);
    else {
      this.#uint(0xcf, 1);
      this.#uint(Math.floor(value / 0x1_0000_0000), 4);
      this.#uint(value >>> 0, 4);
    }
  }

  #text(bytes: Uint8Array): void {
    if (bytes.length < 32) this.#uint(0xa0 | bytes.length, 1);
    else this.#head(bytes.length, [0xd9, 0xda, 0xdb]);
    this.#put(bytes);
  }

  /** The first byte, one for each of 1, 2 and 4 bytes that may follow, and `value` in as few of them as it takes. */
  #head(value: number, heads: readonly [number, number, number], least = 0): void {
    const index = Math.max(least, value < 0x100 ? 0 : value < 0x1_0000 ? 1 : 2);
    this.#uint(heads[index]!, 1);
    this.#uint(value, 1 << index);
  }

  #uint(value: number, size: number): void {
    this.#reserve(size);
    for (let shift = (size - 1) * 8; shift >= 0; shift -= 8) this.#bytes[this.#length++] = value >>> shift;
  }

  #put(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

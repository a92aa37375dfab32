import { type ErrorCode, SealaneError } from '@sealane/types';

/** Reads fixed layouts, big-endian, without a DataView: the engine would give each short array a buffer for it. Going past the end throws the given code. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #code: ErrorCode;
  #offset = 0;

  constructor(bytes: Uint8Array, code: ErrorCode) {
    this.#bytes = bytes;
    this.#code = code;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.#bytes[this.#advance(1)]!;
  }

  u16(): number {
    return this.u8() * 256 + this.u8();
  }

  u32(): number {
    return this.u16() * 65_536 + this.u16();
  }

  /** At most 2^53 - 1. */
  u64(): number {
    // Not by a big integer, which is made anew for each: every record has such a number.
    const value = this.u32() * 2 ** 32 + this.u32();
    if (value > Number.MAX_SAFE_INTEGER) this.fail('a number is too large');
    return value;
  }

  /** A view. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  fail(message?: string): never {
    throw new SealaneError(this.#code, message);
  }

  #advance(length: number): number {
    if (length > this.remaining) this.fail('it ends too early');
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}

/** Writes fixed layouts, big-endian, into an array of known size that starts as zeros. */
export class ByteWriter {
  readonly bytes: Uint8Array;
  #offset = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
  }

  u8(value: number): void {
    this.bytes[this.#advance(1)] = value;
  }

  u16(value: number): void {
    this.u8(value >>> 8);
    this.u8(value);
  }

  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value);
  }

  u64(value: number): void {
    this.u32(value / 2 ** 32);
    this.u32(value);
  }

  put(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.#advance(bytes.length));
  }

  /** Leaves zeros. */
  skip(length: number): void {
    this.#advance(length);
  }

  #advance(length: number): number {
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}

export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Whether a text can be told in UTF-8 and read back the same: it has no lone surrogates. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

import { limitError, messageError } from '../protocol-error.js';
import { decodeUtf8, encodeUtf8 } from '../text.js';

/** What control bodies consist of (v1.md, "MessagePack subset"). Integers are unsigned, at most 2^53-1. */
export type WireValue = null | number | string | Uint8Array | readonly WireValue[];

/** Nesting of arrays that is accepted; a bare value has depth 0. */
const MAX_DEPTH = 6;
/** Values in one body, arrays included: what bounds the memory that decoding takes beside the input. */
const MAX_VALUES = 64;

/**
 * Reads the one value that bytes of the MessagePack subset of v1.md, "MessagePack subset", hold: nil, unsigned integers
 * up to 2^53-1, str, bin and arrays, each in its shortest form. Nothing takes memory by a length that is only claimed.
 *
 * Throws ERR_PROTOCOL_MESSAGE, or ERR_PROTOCOL_LIMIT for too deep or too many values.
 */
export class CanonicalReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #values = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The value, after which there is nothing. */
  readOnly(): WireValue {
    const value = this.#read(0);
    if (this.#left > 0) throw messageError('bytes follow the value');
    return value;
  }

  get #left(): number {
    return this.#bytes.length - this.#at;
  }

  #read(depth: number): WireValue {
    this.#values += 1;
    if (this.#values > MAX_VALUES) throw limitError('a message holds too many values');
    const head = this.#uint(0, 0);
    if (!isUsed(head)) {
      const kind = `the first byte 0x${head.toString(16)}`;
      throw messageError(`only nil, unsigned integers, texts, bytes and arrays are used, and no value with ${kind}`);
    }
    if (head < 0x80) return head;
    if (head < 0xa0) return this.#array(head & 0x0f, depth);
    if (head < 0xc0) return this.#text(head & 0x1f);
    if (head === 0xc0) return null;
    if (head <= 0xc6) return this.#take(this.#uint(head - 0xc4, 0));
    if (head <= 0xcf) return this.#uint(head - 0xcc, 0x80);
    if (head <= 0xdb) return this.#text(this.#uint(head - 0xd9, 0x20));
    return this.#array(head === 0xdc ? this.#uint(1, 0, 0x10) : this.#uint(2, 0), depth);
  }

  /** A big-endian number of `2 ** power` bytes; in a single byte at least `least`, in more than one what less cannot hold. */
  #uint(power: number, least: number, shortestFrom: number = power === 0 ? least : 2 ** (4 << power)): number {
    const end = this.#at + (1 << power);
    if (end > this.#bytes.length) throw messageError('a value is cut short');
    let value = 0;
    for (; this.#at < end; this.#at += 1) value = value * 256 + this.#bytes[this.#at]!;
    if (value < shortestFrom) throw messageError('a value is not in its shortest form');
    if (value > Number.MAX_SAFE_INTEGER) throw messageError('an integer exceeds 2^53-1');
    return value;
  }

  #take(length: number): Uint8Array {
    if (length > this.#left) throw messageError('a length exceeds the message');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #text(length: number): string {
    const text = decodeUtf8(this.#take(length));
    if (text === undefined) throw messageError('a text is not UTF-8');
    return text;
  }

  #array(count: number, depth: number): WireValue[] {
    // Every element takes at least one byte.
    if (count > this.#left) throw messageError('an array claims more than there is');
    if (depth >= MAX_DEPTH) throw limitError('arrays are nested too deeply');
    const values: WireValue[] = [];
    while (values.length < count) values.push(this.#read(depth + 1));
    return values;
  }
}

/** Not those of maps, booleans, floats, extension types and signed integers, and not the one that is not assigned. */
function isUsed(head: number): boolean {
  return head < 0x80 || (head >= 0x90 && (head <= 0xc0 || (head >= 0xc4 && head <= 0xdd && isUsedSize(head))));
}

/** Of bin, uint, str and array. */
function isUsedSize(head: number): boolean {
  return head <= 0xc6 || (head >= 0xcc && (head <= 0xcf || head >= 0xd9));
}

/** The parts of the encoding of a value, in its shortest form. */
export function encodeParts(value: WireValue): Uint8Array[] {
  if (value === null) return [Uint8Array.of(0xc0)];
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0) throw messageError('an integer is out of range');
    return [head(value, 0x80, 0, 0xcc)];
  }
  if (typeof value === 'string') {
    const bytes = encodeUtf8(value);
    return [head(bytes.length, 0x20, 0xa0, 0xd9), bytes];
  }
  if (value instanceof Uint8Array) return [head(value.length, 0, 0, 0xc4), value];
  return [head(value.length, 0x10, 0x90, 0xdb, 1), ...value.flatMap(encodeParts)];
}

/** `value` within one byte where it is below `limit`, else `first + power` and `2 ** power` bytes, as few as can be. */
function head(value: number, limit: number, small: number, first: number, leastPower = 0): Uint8Array {
  if (value < limit) return Uint8Array.of(small | value);
  const power = Math.max(leastPower, value < 0x100 ? 0 : value < 0x1_0000 ? 1 : value < 0x1_0000_0000 ? 2 : 3);
  const bytes = new Uint8Array(1 + (1 << power));
  let rest = value;
  for (let at = bytes.length - 1; at > 0; at -= 1) {
    bytes[at] = rest;
    rest = Math.floor(rest / 0x100);
  }
  bytes[0] = first + power;
  return bytes;
}

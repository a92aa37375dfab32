import { limitError, messageError } from '../protocol-error.js';
import { isUtf8 } from '../text.js';

/** Nesting of arrays that is accepted; a bare value has depth 0. */
export const MAX_DEPTH = 6;
/** Values in one body, arrays included: what bounds the memory that decoding takes beside the input. */
export const MAX_VALUES = 64;

const maxHighWord = 0x1f_ffff;

/**
 * Checks that `bytes` is exactly one value of the MessagePack subset of v1.md, "MessagePack subset", before any of it
 * is decoded: nil, unsigned integers up to 2^53-1, str, bin and arrays, each in its shortest form. Takes memory for
 * six numbers, whatever the bytes claim.
 *
 * Throws ERR_PROTOCOL_MESSAGE, or ERR_PROTOCOL_LIMIT for too deep or too many values.
 */
export function assertCanonical(bytes: Uint8Array): void {
  const pending: number[] = [];
  let left = 1;
  let values = 0;
  let at = 0;
  while (true) {
    while (left === 0) {
      const outer = pending.pop();
      if (outer === undefined) {
        if (at !== bytes.length) throw messageError('bytes follow the value');
        return;
      }
      left = outer;
    }
    left -= 1;
    values += 1;
    if (values > MAX_VALUES) throw limitError('a message holds too many values');
    const head = bytes[at];
    if (head === undefined) throw messageError('a value is cut short');
    at += 1;
    if (head < 0x80 || head === 0xc0) continue;
    if (isArrayHead(head)) {
      const size = head < 0xa0 ? 0 : head === 0xdc ? 2 : 4;
      const count = size === 0 ? head & 0x0f : readSize(bytes, at, size, size === 2 ? 0x10 : 0x1_0000);
      at += size;
      // Every element takes at least one byte.
      if (count > bytes.length - at) throw messageError('an array claims more than there is');
      if (pending.length + 1 > MAX_DEPTH) throw limitError('arrays are nested too deeply');
      pending.push(left);
      left = count;
      continue;
    }
    at = skipScalar(bytes, at, head);
  }
}

function isArrayHead(head: number): boolean {
  return (head >= 0x90 && head < 0xa0) || head === 0xdc || head === 0xdd;
}

/** The offset after the scalar whose first byte is `head`. */
function skipScalar(bytes: Uint8Array, at: number, head: number): number {
  if (head >= 0xa0 && head < 0xc0) return skipText(bytes, at, head & 0x1f);
  switch (head) {
    case 0xcc:
      readSize(bytes, at, 1, 0x80);
      return at + 1;
    case 0xcd:
      readSize(bytes, at, 2, 0x100);
      return at + 2;
    case 0xce:
      readSize(bytes, at, 4, 0x1_0000);
      return at + 4;
    case 0xcf:
      if (readSize(bytes, at, 4, 1) > maxHighWord) throw messageError('an integer exceeds 2^53-1');
      readSize(bytes, at + 4, 4, 0);
      return at + 8;
    case 0xc4:
      return skipBinary(bytes, at + 1, readSize(bytes, at, 1, 0));
    case 0xc5:
      return skipBinary(bytes, at + 2, readSize(bytes, at, 2, 0x100));
    case 0xc6:
      return skipBinary(bytes, at + 4, readSize(bytes, at, 4, 0x1_0000));
    case 0xd9:
      return skipText(bytes, at + 1, readSize(bytes, at, 1, 0x20));
    case 0xda:
      return skipText(bytes, at + 2, readSize(bytes, at, 2, 0x100));
    case 0xdb:
      return skipText(bytes, at + 4, readSize(bytes, at, 4, 0x1_0000));
    default:
      throw messageError(refusal(head));
  }
}

/** A big-endian number of 1, 2 or 4 bytes that would not have fitted a shorter form. */
function readSize(bytes: Uint8Array, at: number, size: number, shortestFrom: number): number {
  if (at + size > bytes.length) throw messageError('a value is cut short');
  let value = 0;
  for (let index = 0; index < size; index += 1) value = value * 256 + bytes[at + index]!;
  if (value < shortestFrom) throw messageError('a value is not in its shortest form');
  return value;
}

function skipBinary(bytes: Uint8Array, at: number, length: number): number {
  if (length > bytes.length - at) throw messageError('a length exceeds the message');
  return at + length;
}

function skipText(bytes: Uint8Array, at: number, length: number): number {
  const end = skipBinary(bytes, at, length);
  if (!isUtf8(bytes, at, end)) throw messageError('a text is not UTF-8');
  return end;
}

function refusal(head: number): string {
  if (head >= 0xe0 || (head >= 0xd0 && head <= 0xd3)) return 'signed integers are not used';
  if ((head >= 0x80 && head < 0x90) || head === 0xde || head === 0xdf) return 'maps are not used';
  if (head === 0xca || head === 0xcb) return 'floats are not used';
  if (head === 0xc2 || head === 0xc3) return 'booleans are not used';
  if (head === 0xc1) return 'the first byte of a value is not assigned';
  return 'extension types are not used';
}

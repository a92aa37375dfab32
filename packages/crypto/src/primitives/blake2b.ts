import { SealaneError } from '@sealane/types';
import { reserveScratch } from './scratch.js';

const KEY_OFFSET = 64;
const INPUT_OFFSET = 128;
const none: Uint8Array = new Uint8Array(0);

/** Unkeyed BLAKE2b (RFC 7693) over all parts in order; `length` is 16 to 64 bytes. */
export function blake2b(length: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return hash(length, none, parts);
}

/** BLAKE2b with a key of 16 to 64 bytes. */
export function blake2bKeyed(length: number, key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  assertBlake2bLength(key.length);
  return hash(length, key, parts);
}

/** ERR_ARGUMENT unless the length of a result, or of a key, is one from 16 to 64. */
export function assertBlake2bLength(length: number): void {
  if (length % 1 !== 0 || length < 16 || length > 64) throw new SealaneError('ERR_ARGUMENT', 'not 16 to 64 bytes');
}

/** In one call: a handshake hashes more than a hundred times, and keeping the state between calls costs thrice the hash. */
function hash(length: number, key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  assertBlake2bLength(length);
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  const { raw, address } = reserveScratch(INPUT_OFFSET + bytes);
  const heap = raw.HEAPU8;
  heap.set(key, address + KEY_OFFSET);
  let end = address + INPUT_OFFSET;
  for (const part of parts) {
    heap.set(part, end);
    end += part.length;
  }
  // Lengths of 64 bits are two numbers.
  raw._crypto_generichash(address, length, end - bytes, bytes, 0, address + KEY_OFFSET, key.length);
  const digest = heap.slice(address, address + length);
  heap.fill(0, address, end);
  return digest;
}

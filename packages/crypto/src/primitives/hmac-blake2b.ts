import { reserveScratch } from './scratch.js';

const BLOCK_BYTES = 128;
const DIGEST_BYTES = 64;
/** Behind the result: the block of the outer hash and the digest that it covers, then the block of the inner hash and its input. */
const OUTER_OFFSET = 64;
const INNER_DIGEST_OFFSET: number = OUTER_OFFSET + BLOCK_BYTES;
const INNER_OFFSET: number = INNER_DIGEST_OFFSET + DIGEST_BYTES;

/**
 * HMAC (RFC 2104) with BLAKE2b of 64 bytes over all parts in order, which is what HKDF consists of; a key of at most 128 bytes. It is
 * made where the hash is: arrays of whole blocks would get memory of their own, dozens in each handshake.
 */
export function hmacBlake2b(key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  let bytes = BLOCK_BYTES;
  for (const part of parts) bytes += part.length;
  const { raw, address } = reserveScratch(INNER_OFFSET + bytes);
  const heap = raw.HEAPU8;
  const [outer, inner] = [address + OUTER_OFFSET, address + INNER_OFFSET];
  heap.fill(0x5c, outer, outer + BLOCK_BYTES);
  heap.fill(0x36, inner, inner + BLOCK_BYTES);
  for (let index = 0; index < key.length; index++) {
    heap[outer + index]! ^= key[index]!;
    heap[inner + index]! ^= key[index]!;
  }
  let end = inner + BLOCK_BYTES;
  for (const part of parts) {
    heap.set(part, end);
    end += part.length;
  }
  raw._crypto_generichash(address + INNER_DIGEST_OFFSET, DIGEST_BYTES, inner, bytes, 0, 0, 0);
  raw._crypto_generichash(address, DIGEST_BYTES, outer, BLOCK_BYTES + DIGEST_BYTES, 0, 0, 0);
  const digest = heap.slice(address, address + DIGEST_BYTES);
  heap.fill(0, address, inner + bytes);
  return digest;
}

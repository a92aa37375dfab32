import { platformCrypto } from '#platform-crypto';
import { blake2b } from '../../primitives/blake2b.js';

/** A hash function as Noise needs it (revision 34, section 4.3). */
export interface NoiseHash {
  /** As it stands in the protocol name. */
  readonly name: string;
  /** HASHLEN, bytes. */
  readonly length: number;
  /** BLOCKLEN, bytes. */
  readonly blockLength: number;
  /** The hash of the parts one after another, as a new array. */
  digest(...parts: Uint8Array[]): Uint8Array;
  /** HMAC (RFC 2104) with this hash, where there is a faster way than by two digests. */
  readonly hmac?: ((key: Uint8Array, parts: readonly Uint8Array[]) => Uint8Array) | undefined;
}

/** The hash of both suites. */
export const blake2bHash: NoiseHash = {
  name: 'BLAKE2b',
  length: 64,
  blockLength: 128,
  digest: (...parts) => blake2b(64, ...parts),
  hmac: platformCrypto.hmacBlake2b,
};

/** HMAC (RFC 2104). The key is never longer than a block here: it is HASHLEN bytes. */
function hmac(hash: NoiseHash, key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  if (hash.hmac) return hash.hmac(key, parts);
  const inner = new Uint8Array(hash.blockLength).fill(0x36);
  const outer = new Uint8Array(hash.blockLength).fill(0x5c);
  for (let index = 0; index < key.length; index++) {
    inner[index]! ^= key[index]!;
    outer[index]! ^= key[index]!;
  }
  const digest = hash.digest(outer, hash.digest(inner, ...parts));
  inner.fill(0);
  outer.fill(0);
  return digest;
}

/** HKDF (section 4.3): outputs of HASHLEN bytes. The third one is left empty where only two are asked for. */
export function hkdf(
  hash: NoiseHash,
  chainingKey: Uint8Array,
  input: Uint8Array,
  outputs: 2 | 3,
): [Uint8Array, Uint8Array, Uint8Array] {
  const temporaryKey = hmac(hash, chainingKey, input);
  const first = hmac(hash, temporaryKey, Uint8Array.of(1));
  const second = hmac(hash, temporaryKey, first, Uint8Array.of(2));
  const third = outputs === 3 ? hmac(hash, temporaryKey, second, Uint8Array.of(3)) : new Uint8Array(0);
  temporaryKey.fill(0);
  return [first, second, third];
}

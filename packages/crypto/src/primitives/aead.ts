import { platformCrypto } from '#platform-crypto';
import { AEAD_KEY_BYTES, AEAD_NONCE_BYTES, AEAD_TAG_BYTES, type AeadBackend } from './aead-backend.js';
import { libsodiumAead } from './aead-libsodium.js';

export { AEAD_KEY_BYTES, AEAD_NONCE_BYTES, AEAD_TAG_BYTES } from './aead-backend.js';

/** Noise's largest counter, which is never used for a message: Rekey() seals with it. */
export const REKEY_COUNTER: bigint = 2n ** 64n - 1n;

const noBytes = new Uint8Array(0);

/** The AEAD's nonce for a counter: four zero bytes and the counter as 64 bits, little-endian (v1.md, "Records"). */
export function counterNonce(counter: number | bigint): Uint8Array {
  const nonce = new Uint8Array(AEAD_NONCE_BYTES);
  const view = new DataView(nonce.buffer);
  if (typeof counter === 'bigint') {
    view.setBigUint64(4, counter, true);
  } else {
    view.setUint32(4, counter >>> 0, true);
    view.setUint32(8, Math.floor(counter / 0x1_0000_0000), true);
  }
  return nonce;
}

/**
 * Seals `parts`, joined, and writes `ciphertext | 16-byte tag` into `target` at `offset`; returns the bytes written.
 * The caller never uses a counter twice with one key. Parts must not overlap the place written to.
 */
export function sealInto(
  key: Uint8Array,
  counter: number | bigint,
  ad: Uint8Array,
  parts: readonly Uint8Array[],
  target: Uint8Array,
  offset: number,
): number {
  let length = 0;
  for (const part of parts) length += part.length;
  if (key.length !== AEAD_KEY_BYTES || offset + length + AEAD_TAG_BYTES > target.length) {
    throw new RangeError('the key or the target has the wrong size');
  }
  return backendFor(length).sealInto(key, counterNonce(counter), ad, parts, target, offset);
}

/** As {@link sealInto}, into a new array. */
export function seal(
  key: Uint8Array,
  counter: number | bigint,
  ad: Uint8Array = noBytes,
  ...parts: Uint8Array[]
): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const target = new Uint8Array(length + AEAD_TAG_BYTES);
  sealInto(key, counter, ad, parts, target, 0);
  return target;
}

/** The plaintext in new memory, or undefined if the ciphertext does not open, for whatever reason. */
export function open(
  key: Uint8Array,
  counter: number | bigint,
  ad: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array | undefined {
  if (key.length !== AEAD_KEY_BYTES) throw new RangeError('the key has the wrong size');
  return backendFor(ciphertext.length).open(key, counterNonce(counter), ad, ciphertext);
}

function backendFor(length: number): AeadBackend {
  return platformCrypto.aead !== undefined && length >= platformCrypto.aeadFromBytes
    ? platformCrypto.aead
    : libsodiumAead;
}

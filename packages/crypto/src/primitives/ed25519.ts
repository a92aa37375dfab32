import { SealaneError } from '@sealane/types';
import { loadedSodium } from '../sodium.js';
import { assertLength } from './bytes.js';

export const ED25519_SEED_BYTES = 32;
export const ED25519_PUBLIC_KEY_BYTES = 32;
export const ED25519_SIGNATURE_BYTES = 64;

export interface Ed25519KeyPair {
  readonly publicKey: Uint8Array;
  /** libsodium's form, `seed | public key`, 64 bytes. */
  readonly secretKey: Uint8Array;
}

/** RFC 8032 key pair of a 32-byte seed. */
export function ed25519KeyPair(seed: Uint8Array): Ed25519KeyPair {
  assertLength(seed, ED25519_SEED_BYTES, 'an Ed25519 seed');
  const { publicKey, privateKey } = loadedSodium().crypto_sign_seed_keypair(seed);
  return { publicKey, secretKey: privateKey };
}

/** RFC 8032 signature, 64 bytes. */
export function ed25519Sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array {
  return loadedSodium().crypto_sign_detached(message, secretKey);
}

/**
 * Whether the signature is the key's over the message. libsodium alone decides: it refuses low-order and
 * non-canonical keys and scalars, where other verifiers accept signatures that hold for every message.
 */
export function ed25519Verify(publicKey: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean {
  if (publicKey.length !== ED25519_PUBLIC_KEY_BYTES || signature.length !== ED25519_SIGNATURE_BYTES) return false;
  return loadedSodium().crypto_sign_verify_detached(signature, message, publicKey);
}

/** Whether the bytes are the canonical encoding of a point of the large prime-order group. */
export function isEd25519PublicKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== ED25519_PUBLIC_KEY_BYTES || !isCanonical(publicKey)) return false;
  try {
    loadedSodium().crypto_sign_ed25519_pk_to_curve25519(publicKey);
    return true;
  } catch (error) {
    if (error instanceof SealaneError) throw error;
    // The conversion refuses what is not on the curve, of low order, or outside the prime-order group.
    return false;
  }
}

/** RFC 8032 section 5.1.3, step 1: the y coordinate is below 2^255 - 19. */
function isCanonical(publicKey: Uint8Array): boolean {
  if ((publicKey[31]! & 0x7f) !== 0x7f || publicKey[0]! < 0xed) return true;
  for (let index = 1; index < 31; index += 1) {
    if (publicKey[index] !== 0xff) return true;
  }
  return false;
}

import { SealaneError } from '@sealane/types';
import { loadedSodium } from '../sodium.js';

/** Sizes of ML-KEM-768 (FIPS 203, table 3). */
export const KEM_SEED_BYTES = 64;
export const KEM_ENCAPS_SEED_BYTES = 32;
export const KEM_PUBLIC_KEY_BYTES = 1_184;
export const KEM_SECRET_KEY_BYTES = 2_400;
export const KEM_CIPHERTEXT_BYTES = 1_088;

export interface KemKeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

export interface KemEncapsulation {
  readonly ciphertext: Uint8Array;
  readonly sharedSecret: Uint8Array;
}

/** ML-KEM.KeyGen_internal (FIPS 203, algorithm 16) from 64 random bytes `d | z`. */
export function kemKeyPair(seed: Uint8Array): KemKeyPair {
  assertLength(seed, KEM_SEED_BYTES);
  const { publicKey, privateKey } = loadedSodium().crypto_kem_mlkem768_seed_keypair(seed);
  return { publicKey, secretKey: privateKey };
}

/**
 * ML-KEM.Encaps_internal (FIPS 203, algorithm 17) with 32 random bytes.
 * ERR_NOISE_MESSAGE if the public key has the wrong length or holds a coefficient outside the modulus (section 7.2).
 */
export function kemEncapsulate(publicKey: Uint8Array, seed: Uint8Array): KemEncapsulation {
  assertLength(seed, KEM_ENCAPS_SEED_BYTES);
  if (publicKey.length !== KEM_PUBLIC_KEY_BYTES || !isReduced(publicKey)) invalid();
  return loadedSodium().crypto_kem_mlkem768_enc_deterministic(publicKey, seed);
}

/**
 * ML-KEM.Decaps (FIPS 203, algorithm 21). A ciphertext that was changed gives another, unpredictable secret and no
 * error; one of the wrong length is ERR_NOISE_MESSAGE.
 */
export function kemDecapsulate(ciphertext: Uint8Array, secretKey: Uint8Array): Uint8Array {
  if (ciphertext.length !== KEM_CIPHERTEXT_BYTES || secretKey.length !== KEM_SECRET_KEY_BYTES) invalid();
  return loadedSodium().crypto_kem_mlkem768_dec(ciphertext, secretKey);
}

/** FIPS 203 section 7.2, "modulus check": each of the 768 packed 12-bit coefficients is below 3329. */
function isReduced(publicKey: Uint8Array): boolean {
  for (let offset = 0; offset < 1_152; offset += 3) {
    const low = publicKey[offset]! | ((publicKey[offset + 1]! & 0x0f) << 8);
    const high = (publicKey[offset + 1]! >> 4) | (publicKey[offset + 2]! << 4);
    if (low >= 3_329 || high >= 3_329) return false;
  }
  return true;
}

function assertLength(bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new SealaneError('ERR_ARGUMENT', `${length} random bytes are needed`);
}

function invalid(): never {
  throw new SealaneError('ERR_NOISE_MESSAGE', 'the KEM key or ciphertext is not valid');
}

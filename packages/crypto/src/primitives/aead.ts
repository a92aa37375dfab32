import { SealaneError } from '@sealane/types';
import { platformCrypto } from '#platform-crypto';
import { AEAD_KEY_BYTES, AEAD_NONCE_BYTES, AEAD_TAG_BYTES, type AeadBackend } from './aead-backend.js';
import { libsodiumAead } from './aead-libsodium.js';
import { assertLength, wipe } from './bytes.js';

/**
 * A ChaCha20-Poly1305 key (RFC 8439). Each call goes to the backend that is faster for its size on this platform;
 * the bytes are the same. The caller never uses a nonce twice.
 */
export class AeadKey {
  readonly #key: Uint8Array;
  #wiped = false;

  /** Copies `key`. ERR_ARGUMENT unless it has 32 bytes. */
  constructor(key: Uint8Array) {
    assertLength(key, AEAD_KEY_BYTES, 'an AEAD key');
    this.#key = key.slice();
  }

  /**
   * Seals the joined `parts` and writes `ciphertext | 16-byte tag` into `target` at `offset`; returns the bytes
   * written. No part may overlap the place written to. ERR_ARGUMENT if nonce or target have the wrong size.
   */
  seal(
    nonce: Uint8Array,
    ad: Uint8Array,
    parts: readonly Uint8Array[],
    target: Uint8Array,
    offset: number = 0,
  ): number {
    this.#assertUsable(nonce);
    let length = 0;
    for (const part of parts) length += part.length;
    if (offset + length + AEAD_TAG_BYTES > target.length) {
      throw new SealaneError('ERR_ARGUMENT', 'the target is too small');
    }
    return backendFor(length).sealInto(this.#key, nonce, ad, parts, target, offset);
  }

  /** The plaintext in new memory, or undefined if the ciphertext does not open, for whatever reason. */
  open(nonce: Uint8Array, ad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    this.#assertUsable(nonce);
    if (ciphertext.length < AEAD_TAG_BYTES) return undefined;
    return backendFor(ciphertext.length - AEAD_TAG_BYTES).open(this.#key, nonce, ad, ciphertext);
  }

  /**
   * Seals the joined `parts`, `length` bytes, into new memory, in pieces: `lead` free bytes at the start of the first one,
   * then `ciphertext | 16-byte tag`.
   */
  sealParts(
    nonce: Uint8Array,
    ad: Uint8Array,
    parts: readonly Uint8Array[],
    length: number,
    lead: number,
  ): Uint8Array[] {
    this.#assertUsable(nonce);
    const sealed = backendFor(length).sealParts?.(this.#key, nonce, ad, parts, lead);
    if (sealed) return sealed;
    const target = new Uint8Array(lead + length + AEAD_TAG_BYTES);
    this.seal(nonce, ad, parts, target, lead);
    return [target];
  }

  /** Overwrites the key; every later use is ERR_CLOSED. */
  wipe(): void {
    wipe(this.#key);
    this.#wiped = true;
  }

  #assertUsable(nonce: Uint8Array): void {
    if (this.#wiped) throw new SealaneError('ERR_CLOSED', 'the key was wiped');
    assertLength(nonce, AEAD_NONCE_BYTES, 'an AEAD nonce');
  }
}

function backendFor(length: number): AeadBackend {
  return platformCrypto.aead !== undefined && length >= platformCrypto.aeadFromBytes
    ? platformCrypto.aead
    : libsodiumAead;
}

export const AEAD_KEY_BYTES = 32;
export const AEAD_NONCE_BYTES = 12;
export const AEAD_TAG_BYTES = 16;

/** ChaCha20-Poly1305 (RFC 8439). Every backend gives the same bytes; lengths of key and nonce are the caller's duty. */
export interface AeadBackend {
  /**
   * Seals the parts as one plaintext and writes `ciphertext | tag` to `target` at `offset`.
   * No part may overlap the place written to. Returns the number of bytes written.
   */
  sealInto(
    key: Uint8Array,
    nonce: Uint8Array,
    ad: Uint8Array,
    parts: readonly Uint8Array[],
    target: Uint8Array,
    offset: number,
  ): number;

  /**
   * `sealInto` new memory: `lead` free bytes, then `ciphertext | tag`, all in pieces, so that what a large part becomes
   * is not copied. Not every backend has it.
   */
  sealParts?(
    key: Uint8Array,
    nonce: Uint8Array,
    ad: Uint8Array,
    parts: readonly Uint8Array[],
    lead: number,
  ): Uint8Array[];

  /** The plaintext in memory that belongs to the caller, or undefined if it does not open. */
  open(key: Uint8Array, nonce: Uint8Array, ad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
}

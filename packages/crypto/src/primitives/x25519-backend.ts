export const X25519_BYTES = 32;

/** X25519 (RFC 7748) on raw keys. */
export interface X25519Backend {
  /** Prepares a secret for repeated use; the array must not change afterwards. */
  importSecret(secret: Uint8Array): X25519Secret;
}

export interface X25519Secret {
  publicKey(): Uint8Array;
  /**
   * The shared secret in a new array, or undefined if it is all zero (a low-order public key). With `isStatic` it may be
   * kept for as long as the secret is.
   */
  agree(publicKey: Uint8Array, isStatic?: boolean): Uint8Array | undefined;
  /** Overwrites what was kept. */
  wipe?(): void;
}

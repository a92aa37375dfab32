import type { AeadBackend } from './aead-backend.js';
import type { X25519Backend } from './x25519-backend.js';

/** What a platform has beside libsodium. Chosen by the import condition `#platform-crypto`, nowhere else. */
export interface PlatformCrypto {
  readonly aead: AeadBackend | undefined;
  /** Plaintexts from this size on go to `aead`, smaller ones to libsodium. */
  readonly aeadFromBytes: number;
  readonly x25519: X25519Backend;
  /** HMAC with BLAKE2b of 64 bytes, for whoever is not short of code. */
  readonly hmacBlake2b?: (key: Uint8Array, parts: readonly Uint8Array[]) => Uint8Array;
  /** Memory of any content, where that is cheaper than zeros: for those that fill all of it. */
  readonly createMemory?: (bytes: number) => Uint8Array;
}

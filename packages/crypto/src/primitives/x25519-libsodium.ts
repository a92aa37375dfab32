import { loadedSodium } from '../sodium.js';
import type { X25519Backend } from './x25519-backend.js';

/** X25519 by libsodium's WebAssembly. */
export const libsodiumX25519: X25519Backend = {
  importSecret(secret) {
    const copy = secret.slice();
    return {
      publicKey: () => loadedSodium().crypto_scalarmult_base(copy),
      agree(publicKey) {
        try {
          return loadedSodium().crypto_scalarmult(copy, publicKey);
        } catch {
          // Lengths are checked before, so the only failure left is the all-zero result.
          return undefined;
        }
      },
    };
  },
};

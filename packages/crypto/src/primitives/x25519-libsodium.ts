import { loadedSodium } from '../sodium.js';
import type { X25519Backend } from './x25519-backend.js';

/** X25519 by libsodium's WebAssembly. */
export const libsodiumX25519: X25519Backend = {
  importSecret(secret) {
    return {
      publicKey: () => loadedSodium().crypto_scalarmult_base(secret),
      agree(publicKey) {
        const sodium = loadedSodium();
        try {
          return sodium.crypto_scalarmult(secret, publicKey);
        } catch {
          // Lengths are checked before, so the only failure left is the all-zero result.
          return undefined;
        }
      },
    };
  },
};

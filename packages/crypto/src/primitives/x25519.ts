import { type RandomBytes, SealaneError, systemRandomBytes } from '@sealane/types';
import { platformCrypto } from '#platform-crypto';
import { wipe } from './bytes.js';
import { X25519_BYTES, type X25519Backend, type X25519Secret } from './x25519-backend.js';

export { X25519_BYTES } from './x25519-backend.js';

/** An X25519 key pair that keeps the platform's form of the secret, so that using it again costs no import. */
export class X25519KeyPair {
  /** 32 bytes; belongs to the pair. */
  readonly secret: Uint8Array;
  readonly publicKey: Uint8Array;
  #imported: X25519Secret | undefined;

  /** Copies `secret`. ERR_ARGUMENT unless it has 32 bytes. */
  constructor(secret: Uint8Array, backend: X25519Backend = platformCrypto.x25519) {
    if (secret.length !== X25519_BYTES) throw new SealaneError('ERR_ARGUMENT', 'an X25519 secret has 32 bytes');
    this.secret = secret.slice();
    this.#imported = backend.importSecret(this.secret);
    this.publicKey = this.#imported.publicKey();
  }

  static generate(random: RandomBytes = systemRandomBytes): X25519KeyPair {
    const secret = random(X25519_BYTES);
    const pair = new X25519KeyPair(secret);
    wipe(secret);
    return pair;
  }

  /**
   * The shared secret, 32 bytes in a new array. Every failure (a wrong length, a low-order key, whose result would be
   * all zero) is the same ERR_NOISE_MESSAGE on every platform.
   */
  agree(publicKey: Uint8Array): Uint8Array {
    if (!this.#imported) throw new SealaneError('ERR_CLOSED', 'the key was wiped');
    const shared = publicKey.length === X25519_BYTES ? this.#imported.agree(publicKey) : undefined;
    if (!shared) throw new SealaneError('ERR_NOISE_MESSAGE', 'the public key gives no shared secret');
    return shared;
  }

  /** Overwrites the secret; the pair cannot be used afterwards. */
  wipe(): void {
    wipe(this.secret);
    this.#imported = undefined;
  }
}

import { type RandomBytes, systemRandomBytes } from '@sealane/types';
import { wipe } from '../primitives/bytes.js';
import { ED25519_SEED_BYTES, ed25519KeyPair, ed25519Sign } from '../primitives/ed25519.js';
import type { SignatureLabel } from '../signature/labels.js';
import { signedMessage } from '../signature/signature.js';

/** An Ed25519 key that only signs: throw-away keys of dialing links, node keys of relays. Needs loadCrypto(). */
export class SigningKey {
  /** 32 bytes that belong to the key; they are a secret. */
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly #secretKey: Uint8Array;

  private constructor(seed: Uint8Array) {
    const { publicKey, secretKey } = ed25519KeyPair(seed);
    this.seed = seed;
    this.publicKey = publicKey;
    this.#secretKey = secretKey;
  }

  static create(random: RandomBytes = systemRandomBytes): SigningKey {
    return new SigningKey(random(ED25519_SEED_BYTES));
  }

  /** Copies `seed`. ERR_ARGUMENT unless it has 32 bytes. */
  static fromSeed(seed: Uint8Array): SigningKey {
    return new SigningKey(seed.slice());
  }

  /** The signature over `label | 0 | parts`, 64 bytes. */
  sign(label: SignatureLabel, ...parts: readonly Uint8Array[]): Uint8Array {
    return ed25519Sign(this.#secretKey, signedMessage(label, parts));
  }

  /** Overwrites the secrets; signatures made afterwards are worthless. */
  wipe(): void {
    wipe(this.seed);
    wipe(this.#secretKey);
  }
}

import { type RandomBytes, SealaneError, systemRandomBytes } from '@sealane/types';
import { concatBytes, wipe } from '../primitives/bytes.js';
import { type X25519KeyPair, x25519KeyPair, x25519PublicKey } from '../primitives/x25519.js';
import { SignatureLabel } from '../signature/labels.js';
import { loadCrypto } from '../sodium.js';
import { encodeCertified, MAX_EPOCH } from './certificate.js';
import { encodeId } from './id.js';
import type { Identity, LocalHandshakeKey } from './identity.js';
import { decodeKeyFile, encodeKeyFile, type KeyFileContent } from './key-file-content.js';
import { SigningKey } from './signing-key.js';

/** For how long the previous epoch's secret is kept after a rotation, for peers that know only the old keycert. */
export const PREVIOUS_EPOCH_MS = 86_400_000;

/**
 * An identity with its secrets: an Ed25519 key that signs, and an X25519 key per epoch that only agrees
 * (v1.md, "Identity"). Immutable but for {@link Credential.wipe}; a rotation gives a new one.
 */
export class Credential implements Identity {
  /** 56 characters. */
  readonly id: string;
  readonly publicKey: Uint8Array;
  readonly epoch: number;
  /** The keycert of the current epoch, 132 bytes. */
  readonly keycert: Uint8Array;
  /** Unix milliseconds from which on the previous epoch must be gone, if one is held: decode again by then. */
  readonly eraseAtMs: number | undefined;
  readonly #signingKey: SigningKey;
  readonly #current: X25519KeyPair;
  readonly #previous: (X25519KeyPair & { readonly epoch: number; readonly eraseAtMs: number }) | undefined;

  private constructor(content: KeyFileContent) {
    const { epoch, previous } = content;
    this.#signingKey = SigningKey.fromSeed(content.seed);
    this.#current = pairOf(content.x25519);
    this.#previous = previous && { ...pairOf(previous.x25519), epoch: previous.epoch, eraseAtMs: previous.eraseAtMs };
    this.publicKey = this.#signingKey.publicKey;
    this.id = encodeId(this.publicKey);
    this.epoch = epoch;
    this.eraseAtMs = previous?.eraseAtMs;
    const certified = encodeCertified(this.publicKey, epoch, this.#current.publicKey);
    this.keycert = concatBytes([certified, this.#signingKey.sign(SignatureLabel.KEYCERT, certified)]);
  }

  /** A new identity in epoch 1. Loads the cryptography. */
  static async create(options: { readonly random?: RandomBytes } = {}): Promise<Credential> {
    await loadCrypto();
    const random = options.random ?? systemRandomBytes;
    return new Credential({ seed: random(32), epoch: 1, x25519: x25519KeyPair(random).secret });
  }

  /**
   * The identity in a key file's bytes (README, "Key file"); loads the cryptography. A previous epoch whose date has
   * come at `nowMs` (Unix milliseconds) is left out, so that what is encoded next no longer holds it.
   * ERR_KEY_FILE_INVALID.
   */
  static async decode(fileBytes: Uint8Array, nowMs: number = Date.now()): Promise<Credential> {
    await loadCrypto();
    const { previous, ...content } = decodeKeyFile(fileBytes);
    const keepsPrevious = previous !== undefined && nowMs < previous.eraseAtMs;
    return new Credential(keepsPrevious ? { ...content, previous } : content);
  }

  /** The key file's bytes, version 1. They are secret. */
  encode(): Uint8Array {
    return encodeKeyFile(this.#content());
  }

  /** The identity's signature over `label | 0 | parts`, 64 bytes. */
  sign(label: SignatureLabel, ...parts: readonly Uint8Array[]): Uint8Array {
    return this.#signingKey.sign(label, ...parts);
  }

  /**
   * The same identity in the next epoch with a new X25519 key. The present epoch's is kept for a day from `nowMs`
   * (Unix milliseconds); the one before it is left out at once. ERR_ARGUMENT after the last epoch.
   */
  rotate(options: { readonly nowMs: number; readonly random?: RandomBytes }): Credential {
    if (this.epoch >= MAX_EPOCH) throw new SealaneError('ERR_ARGUMENT', 'the identity has no further epoch');
    const previous = {
      epoch: this.epoch,
      x25519: this.#current.secret,
      eraseAtMs: Math.floor(options.nowMs) + PREVIOUS_EPOCH_MS,
    };
    const x25519 = x25519KeyPair(options.random).secret;
    return new Credential({ seed: this.#signingKey.seed, epoch: this.epoch + 1, x25519, previous });
  }

  /**
   * The X25519 key pair of an epoch, or undefined if it is not held (any more). The arrays belong to the credential.
   */
  handshakeKey(epoch: number): LocalHandshakeKey | undefined {
    if (epoch === this.epoch) return this.#current;
    return epoch === this.#previous?.epoch ? this.#previous : undefined;
  }

  /** Overwrites the secrets. Handshakes and signatures made afterwards are worthless. */
  wipe(): void {
    this.#signingKey.wipe();
    wipe(this.#current.secret);
    if (this.#previous) wipe(this.#previous.secret);
  }

  #content(): KeyFileContent {
    const content = { seed: this.#signingKey.seed, epoch: this.epoch, x25519: this.#current.secret };
    if (!this.#previous) return content;
    const { epoch, eraseAtMs, secret } = this.#previous;
    return { ...content, previous: { epoch, eraseAtMs, x25519: secret } };
  }
}

/** `identity | epoch u32 | node key | signature`, 132 bytes: the relay identity vouches for a node's key. */
export function createNodecert(identity: Credential, epoch: number, nodeKey: Uint8Array): Uint8Array {
  const certified = encodeCertified(identity.publicKey, epoch, nodeKey);
  return concatBytes([certified, identity.sign(SignatureLabel.NODECERT, certified)]);
}

/** Copies the secret: two credentials never share an array that one of them may wipe. */
function pairOf(secret: Uint8Array): X25519KeyPair {
  const copy = secret.slice();
  return { secret: copy, publicKey: x25519PublicKey(copy) };
}

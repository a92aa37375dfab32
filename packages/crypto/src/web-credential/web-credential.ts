import { SealaneError } from '@sealane/types';
import { encodeCertified, MAX_EPOCH, parseKeycert } from '../credential/certificate.js';
import { PREVIOUS_EPOCH_MS } from '../credential/credential.js';
import { encodeId } from '../credential/id.js';
import type { Identity, RemoteHandshakeKey } from '../credential/identity.js';
import { bytesEqual, concatBytes } from '../primitives/bytes.js';
import { SignatureLabel } from '../signature/labels.js';
import { signedMessage } from '../signature/signature.js';
import { loadCrypto } from '../sodium.js';
import { generatePlatformKey, type PlatformKey, platformAgree, platformSign } from './web-keys.js';

/** A handshake key of one epoch. */
export interface StoredHandshakeKey {
  readonly epoch: number;
  /** X25519, not extractable. */
  readonly privateKey: PlatformKey;
  readonly publicKey: Uint8Array;
}

/**
 * What a {@link WebCredential} is made of. It can be cloned structurally, so IndexedDB takes it as it is; there is no
 * secret in it that a script can read.
 */
export interface WebCredentialRecord {
  /** Ed25519, not extractable. */
  readonly signingKey: PlatformKey;
  readonly keycert: Uint8Array;
  readonly current: StoredHandshakeKey;
  readonly previous: (StoredHandshakeKey & { readonly eraseAtMs: number }) | null;
}

/**
 * An identity whose secrets never leave WebCrypto: nothing that runs in the page can read them, but it can use them for
 * as long as it runs there. Otherwise as a Credential: immutable, a rotation gives a new one.
 */
export class WebCredential implements Identity {
  readonly id: string;
  readonly publicKey: Uint8Array;
  readonly epoch: number;
  readonly keycert: Uint8Array;
  /** Unix milliseconds from which on the previous epoch must be gone, if one is held: open the record again by then. */
  readonly eraseAtMs: number | undefined;
  /** To be stored; see {@link WebCredential.open}. */
  readonly record: WebCredentialRecord;

  /** Verifies the keycert with libsodium, whoever signed it. */
  private constructor(record: WebCredentialRecord) {
    const keycert = parseKeycert(record.keycert);
    if (keycert.epoch !== record.current.epoch || !bytesEqual(keycert.x25519, record.current.publicKey)) {
      throw new SealaneError('ERR_KEYCERT_INVALID', 'the keycert is not of the key that is stored with it');
    }
    this.record = record;
    this.publicKey = keycert.publicKey;
    this.id = encodeId(keycert.publicKey);
    this.epoch = keycert.epoch;
    this.keycert = keycert.bytes;
    this.eraseAtMs = record.previous?.eraseAtMs;
  }

  /** A new identity in epoch 1. Loads the cryptography. ERR_CRYPTO_UNAVAILABLE where the platform lacks such keys. */
  static async create(): Promise<WebCredential> {
    await loadCrypto();
    const signing = await generatePlatformKey('Ed25519');
    const current = { epoch: 1, ...(await generatePlatformKey('X25519')) };
    return await WebCredential.#certify(signing.publicKey, signing.privateKey, current, null);
  }

  /**
   * The identity of a record; loads the cryptography. A previous epoch whose date has come at `nowMs` (Unix milliseconds)
   * is left out: store the `record` of what is returned then. ERR_KEYCERT_INVALID.
   */
  static async open(record: WebCredentialRecord, nowMs: number = Date.now()): Promise<WebCredential> {
    await loadCrypto();
    const isDue = record.previous !== null && nowMs >= record.previous.eraseAtMs;
    return new WebCredential(isDue ? { ...record, previous: null } : record);
  }

  async sign(label: SignatureLabel, ...parts: readonly Uint8Array[]): Promise<Uint8Array> {
    return await platformSign(this.record.signingKey, signedMessage(label, parts));
  }

  /** As Credential.rotate: the present epoch's key is kept for a day from `nowMs` (Unix milliseconds). */
  async rotate(options: { readonly nowMs: number }): Promise<WebCredential> {
    if (this.epoch >= MAX_EPOCH) throw new SealaneError('ERR_ARGUMENT', 'the identity has no further epoch');
    const { signingKey, current } = this.record;
    const previous = { ...current, eraseAtMs: Math.floor(options.nowMs) + PREVIOUS_EPOCH_MS };
    const next = { epoch: this.epoch + 1, ...(await generatePlatformKey('X25519')) };
    return await WebCredential.#certify(this.publicKey, signingKey, next, previous);
  }

  handshakeKey(epoch: number): RemoteHandshakeKey | undefined {
    const { current, previous } = this.record;
    if (epoch === current.epoch) return asHandshakeKey(current);
    return epoch === previous?.epoch ? asHandshakeKey(previous) : undefined;
  }

  static async #certify(
    publicKey: Uint8Array,
    signingKey: PlatformKey,
    current: StoredHandshakeKey,
    previous: WebCredentialRecord['previous'],
  ): Promise<WebCredential> {
    const certified = encodeCertified(publicKey, current.epoch, current.publicKey);
    const signature = await platformSign(signingKey, signedMessage(SignatureLabel.KEYCERT, [certified]));
    return new WebCredential({ signingKey, keycert: concatBytes([certified, signature]), current, previous });
  }
}

function asHandshakeKey({ privateKey, publicKey }: StoredHandshakeKey): RemoteHandshakeKey {
  return { publicKey, agree: (other) => platformAgree(privateKey, other) };
}

import type { SignatureLabel } from '../signature/labels.js';

/** A handshake key whose secret this code holds. The arrays belong to the identity. */
export interface LocalHandshakeKey {
  readonly secret: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** A handshake key whose secret is kept by the platform, which agrees on request. */
export interface RemoteHandshakeKey {
  readonly publicKey: Uint8Array;
  /** The X25519 shared secret, 32 bytes in a new array, or undefined if the other key gives none. */
  agree(publicKey: Uint8Array): Promise<Uint8Array | undefined>;
}

/**
 * Who a client is: what a handshake, a lease and a link need of an identity (v1.md, "Identity"). A {@link Credential}
 * holds its secrets; a WebCredential's never leave the browser's WebCrypto.
 */
export interface Identity {
  /** 56 characters. */
  readonly id: string;
  readonly publicKey: Uint8Array;
  readonly epoch: number;
  /** The keycert of the current epoch, 132 bytes. */
  readonly keycert: Uint8Array;
  /** The identity's Ed25519 signature over `label | 0 | parts`, 64 bytes. */
  sign(label: SignatureLabel, ...parts: readonly Uint8Array[]): Uint8Array | Promise<Uint8Array>;
  /** The X25519 key of an epoch, or undefined if it is not held (any more). */
  handshakeKey(epoch: number): LocalHandshakeKey | RemoteHandshakeKey | undefined;
}

import { type RandomBytes, SealaneError, systemRandomBytes } from '@sealane/types';
import { platformCrypto } from '#platform-crypto';
import { assertLength, bytesEqual } from './bytes.js';
import { X25519_BYTES, type X25519Secret } from './x25519-backend.js';

export interface X25519KeyPair {
  readonly secret: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** A new key pair (RFC 7748 section 6.1). */
export function x25519KeyPair(random: RandomBytes = systemRandomBytes): X25519KeyPair {
  const secret = random(X25519_BYTES);
  return { secret, publicKey: x25519PublicKey(secret) };
}

/** The public key of a 32-byte secret. */
export function x25519PublicKey(secret: Uint8Array): Uint8Array {
  return imported(secret).publicKey();
}

/**
 * The shared secret, 32 bytes in a new array. Every failure (a wrong length, a low-order key, whose result would be
 * all zero) is the same ERR_NOISE_MESSAGE on every platform. With `isStatic` both keys last beyond one handshake, and so
 * may what they agree on.
 */
export function x25519(secret: Uint8Array, publicKey: Uint8Array, isStatic?: boolean): Uint8Array {
  const shared = publicKey.length === X25519_BYTES ? imported(secret).agree(publicKey, isStatic) : undefined;
  if (!shared) throw new SealaneError('ERR_NOISE_MESSAGE', 'the public key gives no shared secret');
  return shared;
}

/** Overwrites a secret and the platform's form of it, as far as that can be. */
export function wipeX25519Secret(secret: Uint8Array): void {
  const known = importedSecrets.get(secret);
  known?.bytes.fill(0);
  known?.secret.wipe?.();
  importedSecrets.delete(secret.fill(0));
}

interface ImportedSecret {
  readonly bytes: Uint8Array;
  readonly secret: X25519Secret;
}

/** The platform's form of a secret lives as long as its array does, so that using it again costs no import. */
const importedSecrets = new WeakMap<Uint8Array, ImportedSecret>();

function imported(secret: Uint8Array): X25519Secret {
  assertLength(secret, X25519_BYTES, 'an X25519 secret');
  const known = importedSecrets.get(secret);
  // An array that was wiped or filled anew must not give the old secret's answers.
  if (known && bytesEqual(known.bytes, secret)) return known.secret;
  const bytes = secret.slice();
  const entry = { bytes, secret: platformCrypto.x25519.importSecret(bytes) };
  importedSecrets.set(secret, entry);
  return entry.secret;
}

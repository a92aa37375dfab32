import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import type { X25519Backend } from './x25519-backend.js';

/** The u-coordinate 9: agreeing with it gives one's own public key. */
const basePoint = new Uint8Array(32);
basePoint[0] = 9;

/** X25519 by node:crypto. Keys go in as JWK: parsing DER costs more than the operation itself. */
export const nodeX25519: X25519Backend = {
  importSecret(secret) {
    const privateKey = importPrivate(secret);
    return {
      publicKey: () => agree(privateKey, basePoint)!,
      agree: (publicKey) => agree(privateKey, publicKey),
    };
  },
};

/** RFC 8410 section 7: what stands before the 32 bytes of an X25519 secret in PKCS #8. */
const pkcs8Prefix = Buffer.from('302e020100300506032b656e04220420', 'hex');

/**
 * A JWK wants the public half too. Older versions of Node do not look at it, so a wrong one saves computing it; newer
 * ones (seen with 26) refuse a half that does not fit, and read PKCS #8 fast enough.
 */
let ignoresPublicHalf = true;

function importPrivate(secret: Uint8Array): KeyObject {
  if (ignoresPublicHalf) {
    const key = { kty: 'OKP', crv: 'X25519', d: base64url(secret), x: base64url(basePoint) };
    try {
      return createPrivateKey({ key, format: 'jwk' });
    } catch {
      ignoresPublicHalf = false;
    }
  }
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, secret]), format: 'der', type: 'pkcs8' });
}

function agree(privateKey: KeyObject, publicKey: Uint8Array): Uint8Array | undefined {
  const key = { kty: 'OKP', crv: 'X25519', x: base64url(publicKey) };
  let shared: Buffer;
  try {
    shared = diffieHellman({ privateKey, publicKey: createPublicKey({ key, format: 'jwk' }) });
  } catch {
    // Lengths are checked before, so the only failure left is the all-zero result.
    return undefined;
  }
  return shared.some((byte) => byte !== 0)
    ? new Uint8Array(shared.buffer, shared.byteOffset, shared.length)
    : undefined;
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}

import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { Recent } from './recent.js';
import type { X25519Backend } from './x25519-backend.js';

/** Any u-coordinate; see {@link importPrivate}. */
const placeholder: string = Buffer.alloc(32, 9).toString('base64url');
const IMPORTED_PUBLIC_KEYS = 32;
/** What a static key agreed on with those whom it met last: as secret as the key, and gone with it. */
const KEPT_AGREEMENTS = 128;

/** X25519 by node:crypto. Keys go in and out as JWK: parsing DER costs more than the operation itself. */
export const nodeX25519: X25519Backend = {
  importSecret(secret) {
    const privateKey = importPrivate(secret);
    const kept = new Recent<Uint8Array>(KEPT_AGREEMENTS, (shared) => shared.fill(0));
    return {
      // Importing a secret has computed it.
      publicKey: () => bytesOf(Buffer.from(privateKey.export({ format: 'jwk' }).x!, 'base64url')),
      agree(publicKey, isStatic = false) {
        const x = base64url(publicKey);
        if (!isStatic) return agree(privateKey, x);
        const shared = kept.get(x) ?? agree(privateKey, x);
        if (shared === undefined) return undefined;
        kept.set(x, shared);
        // Who gets it wipes it.
        return shared.slice();
      },
      wipe: () => kept.clear(),
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
    const key = { kty: 'OKP', crv: 'X25519', d: base64url(secret), x: placeholder };
    try {
      return createPrivateKey({ key, format: 'jwk' });
    } catch {
      ignoresPublicHalf = false;
    }
  }
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, secret]), format: 'der', type: 'pkcs8' });
}

/** Public keys come again: each is used twice in a handshake, and a peer's static one in every handshake with it. */
const publicKeys = new Recent<KeyObject>(IMPORTED_PUBLIC_KEYS);

function importPublic(x: string): KeyObject {
  const known = publicKeys.get(x);
  const key = known ?? createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
  publicKeys.set(x, key);
  return key;
}

function agree(privateKey: KeyObject, x: string): Uint8Array | undefined {
  let shared: Buffer;
  try {
    shared = diffieHellman({ privateKey, publicKey: importPublic(x) });
  } catch {
    // Lengths are checked before, so the only failure left is the all-zero result.
    return undefined;
  }
  return shared.some((byte) => byte !== 0) ? bytesOf(shared) : undefined;
}

function bytesOf(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}

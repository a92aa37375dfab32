import { SealaneError } from '@sealane/types';
import { concatBytes, utf8 } from '../primitives/bytes.js';
import { ed25519Verify } from '../primitives/ed25519.js';
import type { SignatureLabel } from './labels.js';

const separator = new Uint8Array(1);

/** What is signed: `label | 0x00 | parts` (v1.md, "Signatures"). */
export function signedMessage(label: SignatureLabel, parts: readonly Uint8Array[]): Uint8Array {
  return concatBytes([utf8(label), separator, ...parts]);
}

/**
 * Whether `signature` is `publicKey`'s over `label | 0 | parts`. Keys of low order, keys and signatures in
 * non-canonical form and wrong lengths are false, never an error.
 */
export function verify(
  label: SignatureLabel,
  publicKey: Uint8Array,
  signature: Uint8Array,
  ...parts: readonly Uint8Array[]
): boolean {
  return ed25519Verify(publicKey, signature, signedMessage(label, parts));
}

/** As {@link verify}; anything but a valid signature is ERR_SIGNATURE_INVALID. */
export function assertSignature(
  label: SignatureLabel,
  publicKey: Uint8Array,
  signature: Uint8Array,
  ...parts: readonly Uint8Array[]
): void {
  if (!verify(label, publicKey, signature, ...parts)) {
    throw new SealaneError('ERR_SIGNATURE_INVALID', 'the signature does not verify');
  }
}

import { isIntegerWithin, ProtocolSize, SealaneError } from '@sealane/types';
import { blake2b } from '../primitives/blake2b.js';
import { assertLength, concatBytes, encodeU32, readU32, utf8 } from '../primitives/bytes.js';
import { Recent } from '../primitives/recent.js';
import { SignatureLabel } from '../signature/labels.js';
import { verify } from '../signature/signature.js';

/** Keycert and nodecert have one layout: `issuer 32 | epoch u32 | subject 32 | signature 64` (v1.md, "Identity"). */
const EPOCH_OFFSET = 32;
const SUBJECT_OFFSET = 36;
const SIGNATURE_OFFSET = 68;

export const MAX_EPOCH = 0xffff_ffff;

/** An identity's X25519 key of one epoch, verified. */
export interface Keycert {
  /** The identity's Ed25519 key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 1 to 2^32 - 1; peers refuse one lower than the highest they have seen. */
  readonly epoch: number;
  /** The handshake key of the epoch, 32 bytes. */
  readonly x25519: Uint8Array;
  /** The exact 132 bytes. */
  readonly bytes: Uint8Array;
}

/** A relay node's signing key of one epoch, verified. */
export interface Nodecert {
  /** The relay's Ed25519 identity, 32 bytes. */
  readonly identity: Uint8Array;
  readonly epoch: number;
  /** The node's Ed25519 key, 32 bytes. */
  readonly nodeKey: Uint8Array;
  /** The exact 132 bytes. */
  readonly bytes: Uint8Array;
}

/** What a certificate signs: everything before its signature. */
export function encodeCertified(issuer: Uint8Array, epoch: number, subject: Uint8Array): Uint8Array {
  if (!isIntegerWithin(epoch, 1, MAX_EPOCH)) {
    throw new SealaneError('ERR_ARGUMENT', 'an epoch is a number from 1 to 2^32 - 1');
  }
  assertLength(subject, ProtocolSize.PUBLIC_KEY, 'a public key');
  return concatBytes([issuer, encodeU32(epoch), subject]);
}

/** The verified keycert in 132 bytes, which are copied; ERR_KEYCERT_INVALID for anything else. */
export function parseKeycert(bytes: Uint8Array): Keycert {
  const { issuer, epoch, subject, copy } = parseCertificate(SignatureLabel.KEYCERT, bytes);
  return { publicKey: issuer, epoch, x25519: subject, bytes: copy };
}

/** The verified nodecert in 132 bytes, which are copied; ERR_KEYCERT_INVALID for anything else. */
export function parseNodecert(bytes: Uint8Array): Nodecert {
  const { issuer, epoch, subject, copy } = parseCertificate(SignatureLabel.NODECERT, bytes);
  return { identity: issuer, epoch, nodeKey: subject, bytes: copy };
}

interface Certificate {
  readonly issuer: Uint8Array;
  readonly epoch: number;
  readonly subject: Uint8Array;
  readonly copy: Uint8Array;
}

/** Hashes of certificates that verified. A hash costs far less than a verification. */
const verified = new Recent<true>(4_096);

function parseCertificate(label: SignatureLabel, bytes: Uint8Array): Certificate {
  if (bytes.length !== ProtocolSize.KEYCERT) {
    throw new SealaneError('ERR_KEYCERT_INVALID', `a certificate of this version has ${ProtocolSize.KEYCERT} bytes`);
  }
  const copy = bytes.slice();
  const epoch = readU32(copy, EPOCH_OFFSET);
  const issuer = copy.subarray(0, EPOCH_OFFSET);
  if (epoch === 0 || !isVerified(label, issuer, copy)) throw new SealaneError('ERR_KEYCERT_INVALID');
  return { issuer, epoch, subject: copy.subarray(SUBJECT_OFFSET, SIGNATURE_OFFSET), copy };
}

function isVerified(label: SignatureLabel, issuer: Uint8Array, bytes: Uint8Array): boolean {
  const key = String.fromCharCode(...blake2b(32, utf8(label), bytes));
  const signature = bytes.subarray(SIGNATURE_OFFSET);
  const isValid = verified.get(key) ?? verify(label, issuer, signature, bytes.subarray(0, SIGNATURE_OFFSET));
  if (isValid) verified.set(key, true);
  return isValid;
}

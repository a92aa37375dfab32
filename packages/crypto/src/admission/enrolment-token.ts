import { LABEL, type RandomBytes, SealaneError, systemRandomBytes } from '@sealane/types';
import { decodeBase32, encodeBase32 } from '../credential/base32.js';
import { checksum } from '../credential/checksum.js';
import { blake2b } from '../primitives/blake2b.js';
import { bytesEqual, concatBytes, utf8 } from '../primitives/bytes.js';

const PREFIX = 'sealane-token-1:';
const ID_BYTES = 8;
/** `id 8 | secret 24`: what PRESENT shows. */
export const TOKEN_BYTES = 32;

/** An enrolment token (v1.md, "Admission"). The whole of it is a secret but its id. */
export interface EnrolmentToken {
  /** 16 hex digits: names the token in lists, logs and events, and opens nothing. */
  readonly id: string;
  /** 32 bytes. */
  readonly bytes: Uint8Array;
}

/** A new token, of random bytes alone: a fast hash of it is enough to keep. */
export function generateEnrolmentToken(random: RandomBytes = systemRandomBytes): EnrolmentToken {
  return readEnrolmentToken(random(TOKEN_BYTES));
}

/** Throws ERR_SECRET_INVALID unless there are 32 bytes. */
export function readEnrolmentToken(bytes: Uint8Array): EnrolmentToken {
  if (bytes.length !== TOKEN_BYTES) throw invalid('an enrolment token has 32 bytes');
  return { id: hex(bytes.subarray(0, ID_BYTES)), bytes };
}

/** What is kept of a token: BLAKE2b-256 over `sealane/1/token | 0 | token`. Compare it with `bytesEqual`. */
export function hashEnrolmentToken({ bytes }: EnrolmentToken): Uint8Array {
  return blake2b(32, utf8(`${LABEL}/token`), new Uint8Array(1), bytes);
}

/** Text form: `sealane-token-1:` and the base32 of `token 32 | checksum 2`. */
export function encodeEnrolmentToken({ bytes }: EnrolmentToken): string {
  return PREFIX + encodeBase32(concatBytes([bytes, checksum('token', bytes)]));
}

/** Reads the text form in either case, white space around it ignored. ERR_SECRET_INVALID for all else. */
export function parseEnrolmentToken(text: string): EnrolmentToken {
  const trimmed = text.trim();
  if (trimmed.slice(0, PREFIX.length).toLowerCase() !== PREFIX) {
    throw invalid(`an enrolment token starts with ${PREFIX}`);
  }
  const bytes = decodeBase32(trimmed.slice(PREFIX.length));
  if (bytes?.length !== TOKEN_BYTES + 2) throw invalid('the enrolment token has the wrong length or characters');
  const token = bytes.slice(0, TOKEN_BYTES);
  if (!bytesEqual(bytes.subarray(TOKEN_BYTES), checksum('token', token))) {
    throw invalid('the enrolment token has a typing mistake');
  }
  return readEnrolmentToken(token);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Messages never hold any of the text: it may be most of a secret. */
function invalid(message: string): SealaneError {
  return new SealaneError('ERR_SECRET_INVALID', message);
}

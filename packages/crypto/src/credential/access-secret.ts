import { ProtocolSize, type RandomBytes, SealaneError, systemRandomBytes } from '@sealane/types';
import { bytesEqual, concatBytes } from '../primitives/bytes.js';
import { decodeBase32, encodeBase32 } from './base32.js';
import { checksum } from './checksum.js';

const PREFIX = 'sealane-secret-1:';
const SECRET_BYTES = ProtocolSize.ACCESS_SECRET;

/** A new access secret, 32 bytes from the generator; it is never derived from a passphrase. */
export function generateAccessSecret(random: RandomBytes = systemRandomBytes): Uint8Array {
  return random(SECRET_BYTES);
}

/** Text form: `sealane-secret-1:` and the base32 of `secret 32 | checksum 2`. ERR_SECRET_INVALID unless 32 bytes. */
export function encodeAccessSecret(secret: Uint8Array): string {
  if (secret.length !== SECRET_BYTES) throw invalid('an access secret has 32 bytes');
  return PREFIX + encodeBase32(concatBytes([secret, checksum('secret', secret)]));
}

/** The 32 bytes of the text form in either case, white space around it ignored. ERR_SECRET_INVALID for all else. */
export function parseAccessSecret(text: string): Uint8Array {
  const trimmed = text.trim();
  if (trimmed.slice(0, PREFIX.length).toLowerCase() !== PREFIX) throw invalid(prefixProblem(trimmed));
  const bytes = decodeBase32(trimmed.slice(PREFIX.length));
  if (bytes?.length !== SECRET_BYTES + 2) throw invalid('the access secret has the wrong length or characters');
  const secret = bytes.slice(0, SECRET_BYTES);
  if (!bytesEqual(bytes.subarray(SECRET_BYTES), checksum('secret', secret))) {
    throw invalid('the access secret has a typing mistake');
  }
  return secret;
}

function prefixProblem(text: string): string {
  const [, version] = /^sealane-secret-([0-9]{1,4}):/i.exec(text) ?? [];
  if (version === undefined) return `an access secret starts with ${PREFIX}`;
  return `the access secret is of version ${version}, and this program knows version 1`;
}

/** Messages never hold any of the text: it may be most of a secret. */
function invalid(message: string): SealaneError {
  return new SealaneError('ERR_SECRET_INVALID', message);
}

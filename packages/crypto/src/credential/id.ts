import { ProtocolSize, SealaneError } from '@sealane/types';
import { bytesEqual, concatBytes } from '../primitives/bytes.js';
import { isEd25519PublicKey } from '../primitives/ed25519.js';
import { Recent } from '../primitives/recent.js';
import { decodeBase32, encodeBase32 } from './base32.js';
import { checksum } from './checksum.js';

const VERSION = Uint8Array.of(1);
const KEY_BYTES = ProtocolSize.PUBLIC_KEY;
/** Whether a key is one costs a curve operation, and a handshake asks for the same ids again and again. */
const ids = new Recent<string>(1_024);

/**
 * The id of a public key (v1.md, "Identity"): 56 characters, lower-case base32 of
 * `public key 32 | checksum 2 | version 1`. ERR_ID_INVALID unless the key is a valid Ed25519 key.
 */
export function encodeId(publicKey: Uint8Array): string {
  const key = String.fromCharCode(...publicKey);
  let id = ids.get(key);
  if (id === undefined) {
    if (!isEd25519PublicKey(publicKey)) throw invalid('the public key is not a valid Ed25519 key');
    id = encodeBase32(concatBytes([publicKey, checksum('id', publicKey, VERSION), VERSION]));
  }
  ids.set(key, id);
  return id;
}

/** The public key in an id of either case, 32 new bytes. ERR_ID_INVALID for anything else. */
export function parseId(text: string): Uint8Array {
  if (text.length !== ProtocolSize.ID_TEXT) throw invalid(`an id has ${ProtocolSize.ID_TEXT} characters`);
  const bytes = decodeBase32(text);
  if (!bytes) throw invalid('an id has only the characters a-z and 2-7');
  const publicKey = bytes.slice(0, KEY_BYTES);
  if (!bytesEqual(bytes.subarray(KEY_BYTES + 2), VERSION)) throw invalid('the id has a version that is not known here');
  if (!bytesEqual(bytes.subarray(KEY_BYTES, KEY_BYTES + 2), checksum('id', publicKey, VERSION))) {
    throw invalid('the id has a typing mistake');
  }
  if (!isEd25519PublicKey(publicKey)) throw invalid('the id holds no valid Ed25519 key');
  return publicKey;
}

/** Whether a text must be read as an id: it has exactly an id's length, which no name has. */
export function isIdLike(text: string): boolean {
  return text.length === ProtocolSize.ID_TEXT;
}

function invalid(message: string): SealaneError {
  return new SealaneError('ERR_ID_INVALID', message);
}

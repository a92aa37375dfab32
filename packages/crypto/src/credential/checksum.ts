import { LABEL } from '@sealane/types';
import { blake2b } from '../primitives/blake2b.js';
import { utf8 } from '../primitives/bytes.js';

const CHECKSUM_BYTES = 2;

/** Finds typing mistakes: the first two bytes of BLAKE2b-256 over `LABEL/purpose | 0 | parts`. */
export function checksum(purpose: 'id' | 'secret' | 'token' | 'ticket', ...parts: readonly Uint8Array[]): Uint8Array {
  return blake2b(32, utf8(`${LABEL}/${purpose}`), new Uint8Array(1), ...parts).subarray(0, CHECKSUM_BYTES);
}

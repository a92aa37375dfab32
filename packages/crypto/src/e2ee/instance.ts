import { ProtocolSize } from '@sealane/types';
import { blake2b } from '../primitives/blake2b.js';
import { utf8 } from '../primitives/bytes.js';

/**
 * The 16 bytes by which one process is known as the holder of one lease: the first of
 * H(process secret | identity | service). `processSecret` is 32 random bytes made at the start of the process.
 */
export function createInstance(processSecret: Uint8Array, identity: Uint8Array, service: string): Uint8Array {
  return blake2b(32, processSecret, identity, utf8(service)).slice(0, ProtocolSize.INSTANCE);
}

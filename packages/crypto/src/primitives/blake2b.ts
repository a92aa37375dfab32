import { isIntegerWithin, SealaneError } from '@sealane/types';
import { wipe } from './bytes.js';
import { reserveScratch } from './scratch.js';

const CHUNK_BYTES = 4_096;
const KEY_OFFSET = 512;
const OUT_OFFSET = 576;
const INPUT_OFFSET = 640;

/**
 * BLAKE2b (RFC 7693), without key or with one of up to 64 bytes, in steps. The state lives in JavaScript memory
 * between the calls, so a hash that is never finished leaves nothing behind in libsodium's.
 */
export class Blake2b {
  readonly length: number;
  #state: Uint8Array | undefined;

  /** @param length bytes of the result, 16 to 64 */
  constructor(length: number, key?: Uint8Array) {
    const keyLength = key?.length ?? 0;
    if (!isIntegerWithin(length, 16, 64) || (key && !isIntegerWithin(keyLength, 16, 64))) {
      throw new SealaneError('ERR_ARGUMENT', 'BLAKE2b gives 16 to 64 bytes, and a key has as many');
    }
    const { raw, address } = reserveScratch(INPUT_OFFSET);
    if (key) raw.HEAPU8.set(key, address + KEY_OFFSET);
    raw._crypto_generichash_init(address, key ? address + KEY_OFFSET : 0, keyLength, length);
    raw.HEAPU8.fill(0, address + KEY_OFFSET, address + OUT_OFFSET);
    const stateLength = raw._crypto_generichash_statebytes();
    this.#state = raw.HEAPU8.slice(address, address + stateLength);
    this.length = length;
  }

  update(...parts: readonly Uint8Array[]): this {
    const state = this.#open();
    const { raw, address } = reserveScratch(INPUT_OFFSET + CHUNK_BYTES);
    const heap = raw.HEAPU8;
    heap.set(state, address);
    for (const part of parts) {
      for (let offset = 0; offset < part.length; offset += CHUNK_BYTES) {
        const chunk = part.subarray(offset, offset + CHUNK_BYTES);
        heap.set(chunk, address + INPUT_OFFSET);
        raw._crypto_generichash_update(address, address + INPUT_OFFSET, chunk.length, 0);
      }
    }
    state.set(heap.subarray(address, address + state.length));
    heap.fill(0, address, address + INPUT_OFFSET + CHUNK_BYTES);
    return this;
  }

  /** The hash, in a new array. It can be asked for once. */
  digest(): Uint8Array {
    const state = this.#open();
    const { raw, address } = reserveScratch(INPUT_OFFSET);
    raw.HEAPU8.set(state, address);
    raw._crypto_generichash_final(address, address + OUT_OFFSET, this.length);
    const hash = raw.HEAPU8.slice(address + OUT_OFFSET, address + OUT_OFFSET + this.length);
    raw.HEAPU8.fill(0, address, address + INPUT_OFFSET);
    wipe(state);
    this.#state = undefined;
    return hash;
  }

  #open(): Uint8Array {
    if (!this.#state) throw new SealaneError('ERR_ARGUMENT', 'the hash has been taken');
    return this.#state;
  }
}

/** Unkeyed BLAKE2b over all parts in order; `length` is 16 to 64 bytes. */
export function blake2b(length: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return new Blake2b(length).update(...parts).digest();
}

/** BLAKE2b with a key of 16 to 64 bytes. */
export function blake2bKeyed(length: number, key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  return new Blake2b(length, key).update(...parts).digest();
}

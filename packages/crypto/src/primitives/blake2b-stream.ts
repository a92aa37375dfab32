import { SealaneError } from '@sealane/types';
import { assertBlake2bLength } from './blake2b.js';
import { reserveScratch, type Scratch } from './scratch.js';

const CHUNK_BYTES = 4_096;
/** Of libsodium's `crypto_generichash_state`, for good. */
const STATE_BYTES = 384;
const OUT_OFFSET = 512;
const INPUT_OFFSET = 576;
const SCRATCH_BYTES: number = INPUT_OFFSET + CHUNK_BYTES;

/**
 * BLAKE2b (RFC 7693) in steps. The state lives in JavaScript memory between the calls, so a hash that is never finished
 * leaves nothing behind in libsodium's.
 */
export class Blake2b {
  readonly length: number;
  #state: Uint8Array | undefined;

  /** @param length bytes of the result, 16 to 64 */
  constructor(length: number) {
    assertBlake2bLength(length);
    const { raw, address } = reserveScratch(SCRATCH_BYTES);
    raw._crypto_generichash_init(address, 0, 0, length);
    this.#state = raw.HEAPU8.slice(address, address + STATE_BYTES);
    this.length = length;
  }

  update(...parts: readonly Uint8Array[]): this {
    const { raw, address } = this.#load();
    const heap = raw.HEAPU8;
    for (const part of parts) {
      for (let offset = 0; offset < part.length; offset += CHUNK_BYTES) {
        const chunk = part.subarray(offset, offset + CHUNK_BYTES);
        heap.set(chunk, address + INPUT_OFFSET);
        raw._crypto_generichash_update(address, address + INPUT_OFFSET, chunk.length, 0);
      }
    }
    this.#state?.set(heap.subarray(address, address + STATE_BYTES));
    heap.fill(0, address, address + SCRATCH_BYTES);
    return this;
  }

  /** The hash, in a new array. It can be asked for once. */
  digest(): Uint8Array {
    const { raw, address } = this.#load();
    this.#state?.fill(0);
    this.#state = undefined;
    raw._crypto_generichash_final(address, address + OUT_OFFSET, this.length);
    const hash = raw.HEAPU8.slice(address + OUT_OFFSET, address + OUT_OFFSET + this.length);
    raw.HEAPU8.fill(0, address, address + SCRATCH_BYTES);
    return hash;
  }

  #load(): Scratch {
    if (!this.#state) throw new SealaneError('ERR_ARGUMENT', 'it was taken');
    const scratch = reserveScratch(SCRATCH_BYTES);
    scratch.raw.HEAPU8.set(this.#state, scratch.address);
    return scratch;
  }
}

import { SealaneError, SessionLimit } from '@sealane/types';
import type { CipherState } from '../noise/cipher-state.js';

/** One direction's cipher with the count of what went through its current key. */
export class RecordKey {
  readonly cipher: CipherState;
  #records = 0;
  #bytes = 0;

  constructor(cipher: CipherState) {
    this.cipher = cipher;
  }

  get records(): number {
    return this.#records;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Called before a record is sealed or opened: no key sees more than its limit (v1.md, "Records"). */
  assertWithin(ciphertextBytes: number): void {
    if (this.#records >= SessionLimit.maxKeyRecords || this.#bytes + ciphertextBytes > SessionLimit.maxKeyBytes) {
      throw new SealaneError('ERR_E2EE_PROTOCOL', 'a record key went past its limit');
    }
  }

  count(ciphertextBytes: number): void {
    this.#records++;
    this.#bytes += ciphertextBytes;
  }

  rekey(): void {
    this.cipher.rekey();
    this.#records = 0;
    this.#bytes = 0;
  }
}

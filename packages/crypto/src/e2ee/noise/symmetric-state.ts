import { SealaneError } from '@sealane/types';
import { utf8 } from '../../primitives/bytes.js';
import { CipherState } from './cipher-state.js';
import { hkdf, type NoiseHash } from './noise-hash.js';

/** `ck` and `h` (Noise revision 34, section 5.2). */
export class SymmetricState {
  readonly #hash: NoiseHash;
  readonly #cipher: CipherState = new CipherState();
  #ck: Uint8Array;
  #h: Uint8Array;

  constructor(protocolName: string, hash: NoiseHash) {
    this.#hash = hash;
    const name = utf8(protocolName);
    if (name.length <= hash.length) {
      this.#h = new Uint8Array(hash.length);
      this.#h.set(name);
    } else {
      this.#h = hash.digest(name);
    }
    this.#ck = this.#h.slice();
  }

  get hasKey(): boolean {
    return this.#cipher.hasKey;
  }

  get handshakeHash(): Uint8Array {
    return this.#h.slice();
  }

  mixHash(data: Uint8Array): void {
    this.#h = this.#hash.digest(this.#h, data);
  }

  mixKey(input: Uint8Array): void {
    const [ck, key] = hkdf(this.#hash, this.#ck, input, 2);
    this.#replaceChainingKey(ck);
    this.#initializeKey(key);
  }

  mixKeyAndHash(input: Uint8Array): void {
    const [ck, hash, key] = hkdf(this.#hash, this.#ck, input, 3);
    this.#replaceChainingKey(ck);
    this.mixHash(hash);
    this.#initializeKey(key);
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#cipher.encryptWithAd(this.#h, plaintext);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  /** Throws ERR_NOISE_MESSAGE when it does not open. */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array {
    const plaintext = this.#cipher.decryptWithAd(this.#h, ciphertext);
    if (plaintext === undefined) throw new SealaneError('ERR_NOISE_MESSAGE');
    this.mixHash(ciphertext);
    return plaintext;
  }

  /** Split, whose HKDF has a third output that the specification leaves unused: here it is `master`. */
  split(): { c1: CipherState; c2: CipherState; master: Uint8Array } {
    const [key1, key2, master] = hkdf(this.#hash, this.#ck, new Uint8Array(0), 3);
    const c1 = new CipherState(key1.subarray(0, 32));
    const c2 = new CipherState(key2.subarray(0, 32));
    key1.fill(0);
    key2.fill(0);
    return { c1, c2, master };
  }

  wipe(): void {
    this.#ck.fill(0);
    this.#cipher.wipe();
  }

  #replaceChainingKey(ck: Uint8Array): void {
    this.#ck.fill(0);
    this.#ck = ck;
  }

  #initializeKey(key: Uint8Array): void {
    this.#cipher.initializeKey(key.subarray(0, 32));
    key.fill(0);
  }
}

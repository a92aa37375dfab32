import { SealaneError } from '@sealane/types';
import { AeadKey } from '../../primitives/aead.js';

const TAG_BYTES = 16;
const empty = new Uint8Array(0);
/** 2^64 - 1, which no message uses: it belongs to Rekey. */
const maxNonce = Uint8Array.of(0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255);
/** Four zero bytes and n in little-endian (section 12.3). One for all ciphers: each call is over before the next one. */
const nonce = new Uint8Array(12);
const nonceView = new DataView(nonce.buffer);

/** `k` and `n` with ChaCha20-Poly1305 (Noise revision 34, section 5.1). */
export class CipherState {
  #key: AeadKey | undefined;
  #n = 0;

  /** The key is copied. */
  constructor(key?: Uint8Array) {
    if (key !== undefined) this.initializeKey(key);
  }

  initializeKey(key: Uint8Array): void {
    this.#key?.wipe();
    this.#key = new AeadKey(key);
    this.#n = 0;
  }

  get hasKey(): boolean {
    return this.#key !== undefined;
  }

  /** The number of the next message under this cipher. */
  get n(): number {
    return this.#n;
  }

  /** The bytes that `encryptInto` writes for a plaintext of this length. */
  encryptedLength(plaintextLength: number): number {
    return this.#key === undefined ? plaintextLength : plaintextLength + TAG_BYTES;
  }

  /** EncryptWithAd over the concatenation of `parts`, written to `target` from `offset` on. */
  encryptInto(ad: Uint8Array, parts: readonly Uint8Array[], target: Uint8Array, offset: number): void {
    if (this.#key === undefined) {
      let position = offset;
      for (const part of parts) {
        target.set(part, position);
        position += part.length;
      }
      return;
    }
    this.#key.seal(this.#currentNonce(), ad, parts, target, offset);
    this.#n++;
  }

  encryptWithAd(ad: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const ciphertext = new Uint8Array(this.encryptedLength(plaintext.length));
    this.encryptInto(ad, [plaintext], ciphertext, 0);
    return ciphertext;
  }

  /** DecryptWithAd; undefined, and `n` as it was, when the ciphertext does not open. */
  decryptWithAd(ad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    if (this.#key === undefined) return ciphertext;
    if (ciphertext.length < TAG_BYTES) return undefined;
    const plaintext = this.#key.open(this.#currentNonce(), ad, ciphertext);
    if (plaintext !== undefined) this.#n++;
    return plaintext;
  }

  /** With a key: EncryptWithAd over `length` bytes in `parts`, into new memory in pieces; `lead` bytes are left free before it. */
  encryptParts(ad: Uint8Array, parts: readonly Uint8Array[], length: number, lead: number): Uint8Array[] {
    const sealed = this.#key!.sealParts(this.#currentNonce(), ad, parts, length, lead);
    this.#n++;
    return sealed;
  }

  /** Rekey (section 4.2): the key changes, `n` goes on. */
  rekey(): void {
    if (this.#key === undefined) throw new SealaneError('ERR_NOISE_STATE');
    const sealed = new Uint8Array(32 + TAG_BYTES);
    this.#key.seal(maxNonce, empty, [new Uint8Array(32)], sealed, 0);
    this.#key.wipe();
    this.#key = new AeadKey(sealed.subarray(0, 32));
    sealed.fill(0);
  }

  /** Erases the key; using it afterwards is ERR_CLOSED. */
  wipe(): void {
    this.#key?.wipe();
  }

  #currentNonce(): Uint8Array {
    if (this.#n >= Number.MAX_SAFE_INTEGER) throw new SealaneError('ERR_NOISE_STATE', 'the nonces are used up');
    nonceView.setUint32(4, this.#n, true);
    nonceView.setUint32(8, this.#n / 2 ** 32, true);
    return nonce;
  }
}

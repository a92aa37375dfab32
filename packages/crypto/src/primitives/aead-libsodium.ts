import { AEAD_TAG_BYTES, type AeadBackend } from './aead-backend.js';
import { reserveScratch } from './scratch.js';

const NONCE_OFFSET = 32;
const DATA_OFFSET = 64;

/** ChaCha20-Poly1305 (RFC 8439) by libsodium's WebAssembly: fast for small records, and the one of browsers. */
export const libsodiumAead: AeadBackend = {
  sealInto(key, nonce, ad, parts, target, offset) {
    let length = 0;
    for (const part of parts) length += part.length;
    const { raw, address } = reserveScratch(DATA_OFFSET + length + AEAD_TAG_BYTES + ad.length);
    const heap = raw.HEAPU8;
    const data = address + DATA_OFFSET;
    const sealedLength = length + AEAD_TAG_BYTES;
    heap.set(key, address);
    heap.set(nonce, address + NONCE_OFFSET);
    heap.set(ad, data + sealedLength);
    let end = data;
    for (const part of parts) {
      heap.set(part, end);
      end += part.length;
    }
    // The cipher works in place: the plaintext in the scratch memory is overwritten.
    raw._crypto_aead_chacha20poly1305_ietf_encrypt(
      data,
      0,
      data,
      length,
      0,
      data + sealedLength,
      ad.length,
      0,
      0,
      address + NONCE_OFFSET,
      address,
    );
    target.set(heap.subarray(data, data + sealedLength), offset);
    heap.fill(0, address, data);
    return sealedLength;
  },

  open(key, nonce, ad, ciphertext) {
    const length = ciphertext.length - AEAD_TAG_BYTES;
    if (length < 0) return undefined;
    const { raw, address } = reserveScratch(DATA_OFFSET + ciphertext.length + ad.length);
    const heap = raw.HEAPU8;
    const data = address + DATA_OFFSET;
    heap.set(key, address);
    heap.set(nonce, address + NONCE_OFFSET);
    heap.set(ciphertext, data);
    heap.set(ad, data + ciphertext.length);
    const result = raw._crypto_aead_chacha20poly1305_ietf_decrypt(
      data,
      0,
      0,
      data,
      ciphertext.length,
      0,
      data + ciphertext.length,
      ad.length,
      0,
      address + NONCE_OFFSET,
      address,
    );
    const plaintext = result === 0 ? heap.slice(data, data + length) : undefined;
    heap.fill(0, address, data + length);
    return plaintext;
  },
};

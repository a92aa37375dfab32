import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadCrypto } from '../sodium.js';
import { AeadKey } from './aead.js';
import { libsodiumAead } from './aead-libsodium.js';
import { nodeAead } from './aead-node.js';

beforeAll(() => loadCrypto());

const key = Uint8Array.from({ length: 32 }, (_, index) => index);
const nonce = Uint8Array.from({ length: 12 }, (_, index) => 255 - index);
const sizes = [0, 1, 15, 16, 17, 63, 64, 65, 2_047, 2_048, 2_049, 16_384, 65_535, 65_536, 66_048];

function plaintextOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31) & 255);
}

describe('the two backends', () => {
  test.each(sizes)('seal %i bytes to the same ciphertext and open each other', (length) => {
    const plaintext = plaintextOf(length);
    const ad = plaintextOf(length % 40);
    const sealed = [libsodiumAead, nodeAead].map((backend) => {
      const target = new Uint8Array(length + 16);
      expect(backend.sealInto(key, nonce, ad, [plaintext], target, 0)).toBe(length + 16);
      return target;
    });
    expect(sealed[0]).toEqual(sealed[1]);
    expect(libsodiumAead.open(key, nonce, ad, sealed[1]!)).toEqual(plaintext);
    expect(nodeAead.open(key, nonce, ad, sealed[0]!)).toEqual(plaintext);
  });

  test('give the same bytes however the plaintext is cut into parts', () => {
    const part = fc.uint8Array({ maxLength: 5_000 });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.uint8Array({ maxLength: 50 }), (parts, ad) => {
        const length = parts.reduce((sum, bytes) => sum + bytes.length, 0);
        const targets = [libsodiumAead, nodeAead].map((backend) => {
          const target = new Uint8Array(length + 16 + 5);
          expect(backend.sealInto(key, nonce, ad, parts, target, 3)).toBe(length + 16);
          return target;
        });
        expect(targets[0]).toEqual(targets[1]);
        const plaintext = nodeAead.open(key, nonce, ad, targets[0]!.subarray(3, -2));
        expect(Buffer.compare(plaintext!, Buffer.concat(parts))).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('open nothing that was changed in any place', () => {
    const target = new Uint8Array(80 + 16);
    libsodiumAead.sealInto(key, nonce, nonce, [plaintextOf(80)], target, 0);
    for (let index = 0; index < target.length; index += 1) {
      const changed = target.slice();
      changed[index]! ^= 1;
      expect(libsodiumAead.open(key, nonce, nonce, changed)).toBeUndefined();
      expect(nodeAead.open(key, nonce, nonce, changed)).toBeUndefined();
    }
    expect(libsodiumAead.open(key, nonce, key, target)).toBeUndefined();
    expect(nodeAead.open(key, nonce, key, target)).toBeUndefined();
  });
});

describe('AeadKey', () => {
  test('refuses sizes that are not the protocol s, and every use after wipe', () => {
    const aead = new AeadKey(key);
    const none = new Uint8Array(0);
    const argument = expect.objectContaining({ code: 'ERR_ARGUMENT' });
    expect(() => new AeadKey(key.subarray(1))).toThrow(argument);
    expect(() => aead.seal(nonce.subarray(1), none, [], new Uint8Array(16))).toThrow(argument);
    expect(() => aead.seal(nonce, none, [key], new Uint8Array(47))).toThrow(argument);
    expect(aead.open(nonce, none, new Uint8Array(15))).toBeUndefined();
    aead.wipe();
    expect(() => aead.open(nonce, none, new Uint8Array(16))).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });

  test('its plaintext is not changed by later calls', () => {
    const aead = new AeadKey(key);
    const target = new Uint8Array(48);
    aead.seal(nonce, nonce, [key], target);
    const plaintext = aead.open(nonce, nonce, target)!;
    aead.seal(nonce, nonce, [new Uint8Array(32)], target);
    expect(plaintext).toEqual(key);
  });
});

import sodium from 'libsodium-wrappers';
import { expect, test } from 'vitest';
import { AeadKey } from './primitives/aead.js';
import { blake2b } from './primitives/blake2b.js';
import { ed25519KeyPair } from './primitives/ed25519.js';
import { loadCrypto, usedFunctions } from './sodium.js';

test('every synchronous function is refused with ERR_CRYPTO_NOT_READY before loadCrypto, and works after it', async () => {
  const key = new AeadKey(new Uint8Array(32));
  const notReady = expect.objectContaining({ code: 'ERR_CRYPTO_NOT_READY' });
  expect(() => blake2b(32)).toThrow(notReady);
  expect(() => ed25519KeyPair(new Uint8Array(32))).toThrow(notReady);
  expect(() => key.seal(new Uint8Array(12), new Uint8Array(0), [], new Uint8Array(16))).toThrow(notReady);
  await loadCrypto();
  expect(blake2b(32)).toHaveLength(32);
  expect(loadCrypto()).toBe(loadCrypto());
});

test.each(usedFunctions)('the build of libsodium has %s, whatever its declarations say', async (name) => {
  await loadCrypto();
  expect(sodium[name]).toBeTypeOf('function');
});

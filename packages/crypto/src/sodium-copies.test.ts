import { expect, test } from 'vitest';
import { loadCrypto, loadedRawSodium } from './sodium.js';

test('what one copy of this package has loaded, another one in the same page may use', async () => {
  const copy = './sodium.js?copy';
  const other = (await import(copy)) as typeof import('./sodium.js');
  expect(other.loadedRawSodium).not.toBe(loadedRawSodium);
  expect(() => other.loadedRawSodium()).toThrow(expect.objectContaining({ code: 'ERR_CRYPTO_NOT_READY' }));
  await loadCrypto();
  expect(other.loadedRawSodium()).toBe(loadedRawSodium());
});

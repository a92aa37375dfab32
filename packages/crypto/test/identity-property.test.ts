import { isSealaneError } from '@sealane/types';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import {
  Credential,
  encodeAccessSecret,
  generateAccessSecret,
  parseAccessSecret,
  parseId,
  parseKeycert,
  parseNodecert,
} from '../src/credential/index.js';
import { loadCrypto } from '../src/index.js';

beforeAll(() => loadCrypto());

function refuses(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    if (!isSealaneError(error)) throw error;
    return;
  }
  throw new Error('it was taken');
}

const base32Text = (length: number) =>
  fc
    .array(fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567'), { minLength: length, maxLength: length })
    .map((letters) => letters.join(''));

test('no text is an id by chance, and none throws anything but a SealaneError', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ maxLength: 80 }), base32Text(56)), (text) => refuses(() => parseId(text))),
  );
});

test('no bytes are a certificate by chance, and none throw anything but a SealaneError', () => {
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 132, maxLength: 132 }));
  fc.assert(
    fc.property(bytes, (input) => {
      refuses(() => parseKeycert(input));
      refuses(() => parseNodecert(input));
    }),
  );
});

test('access secrets survive their text form, and other texts throw nothing but a SealaneError', () => {
  const secret = generateAccessSecret();
  expect(parseAccessSecret(` ${encodeAccessSecret(secret).toUpperCase()}\n`)).toEqual(secret);
  const text = fc.oneof(
    fc.string(),
    base32Text(55).map((letters) => `sealane-secret-1:${letters}`),
  );
  fc.assert(fc.property(text, (input) => refuses(() => parseAccessSecret(input))));
});

test('Credential.decode takes no bytes but a key file, and throws nothing but a SealaneError', async () => {
  const file = new TextDecoder().decode((await Credential.create()).encode());
  const damaged = fc.tuple(fc.nat(file.length - 1), fc.string({ maxLength: 4 })).map(([at, text]) => {
    return new TextEncoder().encode(file.slice(0, at) + text + file.slice(at + 1));
  });
  const json = fc.json().map((text) => new TextEncoder().encode(text));
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 5_000 }), json, damaged), async (bytes) => {
      try {
        await Credential.decode(bytes);
      } catch (error) {
        if (!isSealaneError(error, 'ERR_KEY_FILE_INVALID')) throw error;
        expect(error.cause).toBeUndefined();
      }
    }),
  );
});

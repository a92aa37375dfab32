import { describe, expect, it } from 'vitest';
import { encodeBase32 } from '../src/credential/base32.js';
import {
  Credential,
  createNodecert,
  encodeAccessSecret,
  encodeId,
  parseAccessSecret,
  parseId,
  parseKeycert,
  parseNodecert,
  SigningKey,
} from '../src/credential/index.js';
import { decodeKeyFile, encodeKeyFile } from '../src/credential/key-file-content.js';
import { loadCrypto } from '../src/index.js';

const content = { seed: new Uint8Array(32).fill(1), epoch: 1, x25519: new Uint8Array(32).fill(2) };

describe('what a later version made is told from what is broken', () => {
  it.each([
    [
      'of another number',
      (file: object) => ({ ...file, version: 2 }),
      'it is of version 2, and this program knows version 1',
    ],
    [
      'with other fields',
      () => ({ type: 'sealane-key', version: 7, keys: [] }),
      'it is of version 7, and this program knows version 1',
    ],
    [
      'whose version is no number',
      (file: object) => ({ ...file, version: { secret: 'x' } }),
      'it is of version unknown, and this program knows version 1',
    ],
    ['of another type', (file: object) => ({ ...file, type: 'other' }), 'it is no Sealane key file'],
  ])('a key file %s', (_, change, message) => {
    const file: object = JSON.parse(new TextDecoder().decode(encodeKeyFile(content)));
    const bytes = new TextEncoder().encode(JSON.stringify(change(file)));
    expect(() => decodeKeyFile(bytes)).toThrow(
      expect.objectContaining({
        code: 'ERR_KEY_FILE_INVALID',
        message: `the key file cannot be read as one: ${message}`,
      }),
    );
  });

  it('an access secret', async () => {
    await loadCrypto();
    const later = encodeAccessSecret(new Uint8Array(32).fill(5)).replace('secret-1', 'secret-2');
    expect(() => parseAccessSecret(later)).toThrow(
      expect.objectContaining({
        code: 'ERR_SECRET_INVALID',
        message: 'the access secret is of version 2, and this program knows version 1',
      }),
    );
  });

  it('an id', async () => {
    const { publicKey } = await Credential.create();
    const later = encodeBase32(Buffer.concat([publicKey, Buffer.of(0, 0, 2)]));
    expect(later).toHaveLength(encodeId(publicKey).length);
    expect(() => parseId(later)).toThrow(
      expect.objectContaining({ code: 'ERR_ID_INVALID', message: 'the id has a version that is not known here' }),
    );
  });

  it('certificates of another length or another label', async () => {
    const credential = await Credential.create();
    const node = SigningKey.create();
    const nodecert = createNodecert(credential, 1, node.publicKey);
    for (const parse of [parseKeycert, parseNodecert]) {
      expect(() => parse(new Uint8Array(133))).toThrow(
        expect.objectContaining({
          code: 'ERR_KEYCERT_INVALID',
          message: 'a certificate of this version has 132 bytes',
        }),
      );
    }
    expect(() => parseKeycert(nodecert)).toThrow(expect.objectContaining({ code: 'ERR_KEYCERT_INVALID' }));
    expect(() => parseNodecert(credential.keycert)).toThrow(expect.objectContaining({ code: 'ERR_KEYCERT_INVALID' }));
  });
});

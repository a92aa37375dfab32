import { beforeAll, describe, expect, test } from 'vitest';
import { loadCrypto } from '../sodium.js';
import { parseKeycert, parseNodecert } from './certificate.js';
import { Credential, createNodecert, PREVIOUS_EPOCH_MS } from './credential.js';
import { encodeId, isIdLike, parseId } from './id.js';
import { SigningKey } from './signing-key.js';

beforeAll(() => loadCrypto());

const nowMs = 1_750_000_000_000;

describe('ids', () => {
  test('an id is one DNS label of 56 characters and gives its key back in either case', async () => {
    const { id, publicKey } = await Credential.create();
    expect(id).toMatch(/^[a-z2-7]{56}$/);
    expect(parseId(id)).toEqual(publicKey);
    expect(parseId(id.toUpperCase())).toEqual(publicKey);
    expect(isIdLike(id)).toBe(true);
    expect(isIdLike(id.slice(1))).toBe(false);
  });

  test('every changed character is noticed', async () => {
    const { id } = await Credential.create();
    let unnoticed = 0;
    for (let index = 0; index < id.length; index += 1) {
      const changed = `${id.slice(0, index)}${id[index] === 'c' ? 'd' : 'c'}${id.slice(index + 1)}`;
      try {
        parseId(changed);
        unnoticed += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_ID_INVALID' });
      }
    }
    expect(unnoticed).toBe(0);
  });

  test('a low-order key has no id, and a character that only folds to a letter is refused', async () => {
    const invalid = expect.objectContaining({ code: 'ERR_ID_INVALID' });
    expect(() => encodeId(new Uint8Array(32))).toThrow(invalid);
    const { id } = await Credential.create();
    expect(() => parseId(`\u212a${id.slice(1)}`)).toThrow(invalid);
  });
});

describe('Credential', () => {
  test('encode and decode give the same identity, and the keycert names it', async () => {
    const credential = await Credential.create();
    const again = await Credential.decode(credential.encode());
    expect(again.id).toBe(credential.id);
    expect(again.keycert).toEqual(credential.keycert);
    expect(again.handshakeKey(1)).toEqual(credential.handshakeKey(1));
    expect(parseKeycert(credential.keycert)).toMatchObject({
      publicKey: credential.publicKey,
      epoch: 1,
      x25519: credential.handshakeKey(1)!.publicKey,
    });
  });

  test('a rotation keeps the previous epoch for a day and the one before it not at all', async () => {
    const first = await Credential.create();
    const second = first.rotate({ nowMs });
    const third = second.rotate({ nowMs: nowMs + 1 });
    expect(second.id).toBe(first.id);
    expect(second.handshakeKey(1)).toMatchObject({ publicKey: first.handshakeKey(1)!.publicKey });
    expect(third.epoch).toBe(3);
    expect(third.handshakeKey(2)).toMatchObject({ publicKey: second.handshakeKey(2)!.publicKey });
    expect(third.handshakeKey(1)).toBeUndefined();
    const bytes = second.encode();
    const dayBefore = await Credential.decode(bytes, nowMs + PREVIOUS_EPOCH_MS - 1);
    const dayAfter = await Credential.decode(bytes, nowMs + PREVIOUS_EPOCH_MS);
    expect(dayBefore.handshakeKey(1)).toBeDefined();
    expect(dayAfter.handshakeKey(1)).toBeUndefined();
    expect(new TextDecoder().decode(dayAfter.encode())).toContain('"previous": null');
  });

  test('wiping the old credential leaves the rotated one whole', async () => {
    const first = await Credential.create();
    const second = first.rotate({ nowMs });
    first.wipe();
    expect(first.handshakeKey(1)!.secret).toEqual(new Uint8Array(32));
    expect(second.handshakeKey(1)!.secret).not.toEqual(new Uint8Array(32));
    expect((await Credential.decode(second.encode(), nowMs)).id).toBe(second.id);
  });
});

describe('certificates', () => {
  test('every flipped byte is ERR_KEYCERT_INVALID, also after the right one was seen', async () => {
    const { keycert } = await Credential.create();
    parseKeycert(keycert);
    const invalid = expect.objectContaining({ code: 'ERR_KEYCERT_INVALID' });
    for (let index = 0; index < keycert.length; index += 1) {
      expect(() => parseKeycert(keycert.map((byte, at) => (at === index ? byte ^ 4 : byte)))).toThrow(invalid);
    }
    expect(() => parseKeycert(keycert.subarray(1))).toThrow(invalid);
  });

  test('a keycert is no nodecert and the other way round', async () => {
    const credential = await Credential.create();
    const node = SigningKey.create();
    const nodecert = createNodecert(credential, 5, node.publicKey);
    expect(parseNodecert(nodecert)).toMatchObject({
      identity: credential.publicKey,
      epoch: 5,
      nodeKey: node.publicKey,
    });
    const invalid = expect.objectContaining({ code: 'ERR_KEYCERT_INVALID' });
    expect(() => parseKeycert(nodecert)).toThrow(invalid);
    expect(() => parseNodecert(credential.keycert)).toThrow(invalid);
    expect(() => createNodecert(credential, 0, node.publicKey)).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT' }),
    );
  });
});

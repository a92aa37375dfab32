import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import sodium from 'libsodium-wrappers';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadCrypto } from '../sodium.js';
import { blake2b, blake2bKeyed } from './blake2b.js';
import { Blake2b } from './blake2b-stream.js';
import { ed25519KeyPair, ed25519Sign, ed25519Verify, isEd25519PublicKey } from './ed25519.js';
import { hmacBlake2b } from './hmac-blake2b.js';
import { kemDecapsulate, kemEncapsulate, kemKeyPair } from './ml-kem.js';
import { wipeX25519Secret, x25519, x25519KeyPair, x25519PublicKey } from './x25519.js';
import { libsodiumX25519 } from './x25519-libsodium.js';
import { nodeX25519 } from './x25519-node.js';

beforeAll(() => loadCrypto());

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));

describe('BLAKE2b', () => {
  test('agrees with another implementation, in one call and in any steps', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 9_000 }), { maxLength: 5 }), (parts) => {
        const expected = createHash('blake2b512').update(Buffer.concat(parts)).digest('hex');
        const steps = new Blake2b(64);
        for (const part of parts) steps.update(part);
        expect(Buffer.from(steps.digest()).toString('hex')).toBe(expected);
        expect(Buffer.from(blake2b(64, ...parts)).toString('hex')).toBe(expected);
      }),
      { numRuns: 40 },
    );
  });

  test('with a key it is what libsodium makes of the same', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 64 }),
        fc.uint8Array({ maxLength: 300 }),
        (key, message) => {
          expect(blake2bKeyed(32, key, message)).toEqual(sodium.crypto_generichash(32, message, key));
        },
      ),
      { numRuns: 40 },
    );
  });

  test('HMAC with it is that of another implementation, whatever lies in the memory from before', () => {
    const key = fc.uint8Array({ maxLength: 128 });
    const part = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(key, part, part, (secret, first, second) => {
        const expected = createHmac('blake2b512', secret).update(first).update(second).digest('hex');
        expect(Buffer.from(hmacBlake2b(secret, [first, second])).toString('hex')).toBe(expected);
      }),
      { numRuns: 100 },
    );
  });

  test('two hashes at a time do not mix', () => {
    const [a, b] = [new Blake2b(32), new Blake2b(32)];
    a.update(Uint8Array.of(1));
    b.update(Uint8Array.of(2));
    expect(a.digest()).toEqual(blake2b(32, Uint8Array.of(1)));
    expect(b.digest()).toEqual(blake2b(32, Uint8Array.of(2)));
  });

  test('the key and the length change the result', () => {
    const message = Uint8Array.of(1, 2, 3);
    const results = [
      blake2b(32, message),
      blake2b(64, message).subarray(0, 32),
      blake2bKeyed(32, new Uint8Array(32), message),
      blake2bKeyed(32, new Uint8Array(32).fill(1), message),
    ].map((hash) => Buffer.from(hash).toString('hex'));
    expect(new Set(results).size).toBe(4);
  });

  test.each([0, 15, 65, 16.5])('a result of %d bytes is ERR_ARGUMENT', (length) => {
    expect(() => blake2b(length)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
  });
});

describe('X25519', () => {
  test('the two backends agree for any secrets', () => {
    fc.assert(
      fc.property(bytes32, bytes32, (mine, theirs) => {
        const [a, b] = [libsodiumX25519, nodeX25519].map((backend) => backend.importSecret(mine));
        const publicKey = x25519PublicKey(theirs);
        expect(a!.publicKey()).toEqual(b!.publicKey());
        expect(a!.agree(publicKey)).toEqual(b!.agree(publicKey));
        expect(x25519(mine, publicKey)).toEqual(x25519(theirs, a!.publicKey()));
      }),
      { numRuns: 30 },
    );
  });

  test.each([
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ])('the low-order key %s is refused by both backends, with one error', (key) => {
    const { secret } = x25519KeyPair();
    for (const backend of [libsodiumX25519, nodeX25519]) {
      expect(backend.importSecret(secret).agree(hex(key))).toBeUndefined();
    }
    expect(() => x25519(secret, hex(key))).toThrow(expect.objectContaining({ code: 'ERR_NOISE_MESSAGE' }));
  });

  test('what two static keys agree on is the same each time, whoever wiped it and whatever came between', () => {
    const secret = x25519KeyPair().secret;
    const [peer, other] = [x25519KeyPair().publicKey, x25519KeyPair().publicKey];
    const first = x25519(secret, peer, true).slice();
    x25519(secret, peer, true).fill(0);
    expect(x25519(secret, other, true)).toEqual(x25519(secret, other));
    expect(x25519(secret, peer, true)).toEqual(first);
    expect(x25519(secret, peer)).toEqual(first);
    // More of them than are kept.
    for (let count = 0; count < 200; count += 1) x25519(secret, x25519KeyPair().publicKey, true);
    expect(x25519(secret, peer, true)).toEqual(first);
    secret.fill(3);
    expect(x25519(secret, peer, true)).not.toEqual(first);
  });

  test('an array that is filled anew does not give the old secret s answer', () => {
    const secret = new Uint8Array(32).fill(1);
    const before = x25519PublicKey(secret);
    secret.fill(2);
    expect(x25519PublicKey(secret)).not.toEqual(before);
  });

  test('a secret that was wiped is zero, and has no answer of its former self', () => {
    const { secret, publicKey } = x25519KeyPair();
    wipeX25519Secret(secret);
    expect(secret).toEqual(new Uint8Array(32));
    expect(x25519PublicKey(secret)).not.toEqual(publicKey);
  });
});

describe('Ed25519', () => {
  test.each([
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000080',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  ])('the low-order or non-canonical key %s is no key and verifies nothing', (text) => {
    const publicKey = hex(text);
    expect(isEd25519PublicKey(publicKey)).toBe(false);
    // R = the key's own point and S = 0 verifies for one message in eight at a careless verifier.
    const signature = new Uint8Array(64);
    signature.set(publicKey);
    for (let message = 0; message < 64; message += 1) {
      expect(ed25519Verify(publicKey, signature, Uint8Array.of(message))).toBe(false);
    }
  });

  test('a signature verifies for its key and message only', () => {
    const { publicKey, secretKey } = ed25519KeyPair(new Uint8Array(32).fill(7));
    const signature = ed25519Sign(secretKey, Uint8Array.of(1));
    expect(isEd25519PublicKey(publicKey)).toBe(true);
    expect(ed25519Verify(publicKey, signature, Uint8Array.of(1))).toBe(true);
    expect(ed25519Verify(publicKey, signature, Uint8Array.of(2))).toBe(false);
    expect(ed25519Verify(publicKey.subarray(1), signature, Uint8Array.of(1))).toBe(false);
    expect(ed25519Verify(publicKey, signature.subarray(1), Uint8Array.of(1))).toBe(false);
  });
});

describe('ML-KEM-768', () => {
  const pair = () => kemKeyPair(new Uint8Array(64).fill(3));

  test('both sides get one secret, and a changed ciphertext gives another one without an error', () => {
    const { publicKey, secretKey } = pair();
    const { ciphertext, sharedSecret } = kemEncapsulate(publicKey, new Uint8Array(32).fill(4));
    expect(kemDecapsulate(ciphertext, secretKey)).toEqual(sharedSecret);
    ciphertext[5]! ^= 1;
    expect(kemDecapsulate(ciphertext, secretKey)).not.toEqual(sharedSecret);
  });

  test('a public key outside the modulus and wrong lengths are ERR_NOISE_MESSAGE', () => {
    const { publicKey, secretKey } = pair();
    const refused = expect.objectContaining({ code: 'ERR_NOISE_MESSAGE' });
    const seed = new Uint8Array(32);
    expect(() => kemEncapsulate(new Uint8Array(1_184).fill(255), seed)).toThrow(refused);
    expect(() => kemEncapsulate(publicKey.subarray(1), seed)).toThrow(refused);
    expect(() => kemDecapsulate(new Uint8Array(1_087), secretKey)).toThrow(refused);
  });
});

import { beforeAll, expect, test } from 'vitest';
import { SigningKey } from '../credential/signing-key.js';
import { loadCrypto } from '../sodium.js';
import { SignatureLabel } from './labels.js';
import { assertSignature, verify } from './signature.js';

beforeAll(() => loadCrypto());

const labels = Object.values(SignatureLabel);

test('no label is a prefix of another one', () => {
  for (const label of labels) {
    expect(labels.filter((other) => other.startsWith(label))).toEqual([label]);
    expect(label).toMatch(/^sealane\/1\/[a-z-]+$/);
  }
});

test('a signature verifies under its own label only', () => {
  const key = SigningKey.fromSeed(new Uint8Array(32).fill(9));
  const message = Uint8Array.of(1, 2, 3);
  for (const label of labels) {
    const signature = key.sign(label, message);
    expect(labels.filter((other) => verify(other, key.publicKey, signature, message))).toEqual([label]);
  }
});

test('how the message is cut into parts does not matter, and a wrong one is ERR_SIGNATURE_INVALID', () => {
  const key = SigningKey.create();
  const signature = key.sign(SignatureLabel.LEASE, Uint8Array.of(1, 2, 3));
  assertSignature(SignatureLabel.LEASE, key.publicKey, signature, Uint8Array.of(1), Uint8Array.of(2, 3));
  expect(() => assertSignature(SignatureLabel.LEASE, key.publicKey, signature, Uint8Array.of(1))).toThrow(
    expect.objectContaining({ code: 'ERR_SIGNATURE_INVALID' }),
  );
});

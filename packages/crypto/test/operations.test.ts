import sodium from 'libsodium-wrappers';
import { beforeEach, expect, test, vi } from 'vitest';
import { Credential, parseKeycert } from '../src/credential/index.js';
import { DialerHandshake, OwnerHandshake } from '../src/e2ee/index.js';
import { loadCrypto } from '../src/index.js';
import { instance, parameters } from './e2ee-pair.js';

const { counts, nodeFunctions } = vi.hoisted(() => ({
  counts: new Map<string, number>(),
  nodeFunctions: ['createPrivateKey', 'createPublicKey', 'diffieHellman'] as const,
}));

// The real functions, counted: everything expensive in a handshake is one of node:crypto's or libsodium's.
vi.mock('node:crypto', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:crypto')>();
  const counted = nodeFunctions.map((name) => {
    const call = original[name] as (...values: unknown[]) => unknown;
    return [name, (...values: unknown[]) => count(name, () => call(...values))] as const;
  });
  return { ...original, ...Object.fromEntries(counted) };
});

function count<T>(name: string, call: () => T): T {
  counts.set(name, (counts.get(name) ?? 0) + 1);
  return call();
}

await loadCrypto();
const sodiumFunctions = [
  'crypto_sign_detached',
  'crypto_sign_verify_detached',
  'crypto_kem_mlkem768_seed_keypair',
  'crypto_kem_mlkem768_enc_deterministic',
  'crypto_kem_mlkem768_dec',
  'crypto_scalarmult',
  'crypto_scalarmult_base',
  'crypto_sign_ed25519_pk_to_curve25519',
] as const;
for (const name of sodiumFunctions) {
  const call = sodium[name] as (...values: unknown[]) => unknown;
  vi.spyOn(sodium, name).mockImplementation(((...values: unknown[]) =>
    count(name, () => call.apply(sodium, values))) as never);
}

beforeEach(() => counts.clear());

/** A whole handshake, each side knowing what came over the wire only. */
function shakeHands(dialer: Credential, owner: Credential): void {
  const dialing = DialerHandshake.create({
    credential: dialer,
    owner: parseKeycert(owner.keycert.slice()),
    service: '',
    alpn: ['a/1'],
    parameters,
  });
  const message1 = dialing.createMessage1();
  const opened = OwnerHandshake.open(message1, { credential: owner, connectionId: dialing.connectionId });
  const { message2, keys } = opened.accept({ alpn: 'a/1', parameters, instance });
  expect(dialing.readMessage2(message2).keys.resumeId).toEqual(keys.resumeId);
}

test('two that never met verify one keycert each, and sign nothing', async () => {
  const [dialer, owner] = [await Credential.create(), await Credential.create()];
  counts.clear();
  shakeHands(dialer, owner);
  expect(counts.get('crypto_sign_verify_detached')).toBe(2);
  expect(counts.get('crypto_sign_detached')).toBeUndefined();
});

test('two that met before verify nothing and make one key pair each, three agreements and a third of ML-KEM', async () => {
  const [dialer, owner] = [await Credential.create(), await Credential.create()];
  shakeHands(dialer, owner);
  counts.clear();
  shakeHands(dialer, owner);
  expect(Object.fromEntries(counts)).toEqual({
    // Both ephemeral keys; the static ones were imported before, as were both static public ones.
    createPrivateKey: 2,
    createPublicKey: 2,
    // es, ee and se on both sides; what the static keys agree on is known.
    diffieHellman: 6,
    crypto_kem_mlkem768_seed_keypair: 1,
    crypto_kem_mlkem768_enc_deterministic: 1,
    crypto_kem_mlkem768_dec: 1,
  });
});

test('a keycert counts as seen by all of its bytes: one of a new epoch is verified, a changed one is none', async () => {
  const credential = await Credential.create();
  parseKeycert(credential.keycert);
  counts.clear();
  parseKeycert(credential.keycert.slice());
  expect(counts.size).toBe(0);
  const changed = credential.keycert.slice();
  changed[40]! ^= 1;
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    expect(() => parseKeycert(changed)).toThrow(expect.objectContaining({ code: 'ERR_KEYCERT_INVALID' }));
    // What did not verify is asked about again.
    expect(counts.get('crypto_sign_verify_detached')).toBe(attempt);
  }
  const rotated = credential.rotate({ nowMs: 0 });
  counts.clear();
  expect(parseKeycert(rotated.keycert).epoch).toBe(2);
  expect(counts.get('crypto_sign_verify_detached')).toBe(1);
});

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { Credential, encodeId, parseAccessSecret, parseId, parseKeycert, SigningKey } from '../src/credential/index.js';
import { loadCrypto } from '../src/index.js';
import { SignatureLabel, verify } from '../src/signature/index.js';

beforeAll(() => loadCrypto());

const packageUrl = new URL('../', import.meta.url);
const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));

async function vectors<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(new URL(`vectors/${name}.json`, packageUrl), 'utf8')) as T;
}

test('the checked-in vectors are what the built code gives', async () => {
  const script = new URL('scripts/generate-vectors.mjs', packageUrl).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--check']);
  expect(stdout).toContain(' 0 different, 0 unknown');
});

test('ids', async () => {
  type Ids = { valid: { publicKey: string; id: string }[]; invalid: { reason: string; id: string }[] };
  const { valid, invalid } = await vectors<Ids>('ids');
  for (const { publicKey, id } of valid) {
    expect(encodeId(hex(publicKey))).toBe(id);
    expect(parseId(id)).toEqual(hex(publicKey));
  }
  for (const { reason, id } of invalid) {
    expect(() => parseId(id), reason).toThrow(expect.objectContaining({ code: 'ERR_ID_INVALID' }));
  }
});

test('certificates', async () => {
  type Keycerts = { publicKey: string; epoch: number; x25519: string; bytes: string }[];
  type File = { keycerts: Keycerts; invalidKeycerts: { reason: string; bytes: string }[] };
  const { keycerts, invalidKeycerts } = await vectors<File>('certificates');
  for (const { publicKey, epoch, x25519, bytes } of keycerts) {
    expect(parseKeycert(hex(bytes))).toMatchObject({ publicKey: hex(publicKey), epoch, x25519: hex(x25519) });
  }
  for (const { reason, bytes } of invalidKeycerts) {
    expect(() => parseKeycert(hex(bytes)), reason).toThrow(expect.objectContaining({ code: 'ERR_KEYCERT_INVALID' }));
  }
});

test('signatures, one per label', async () => {
  type File = { seed: string; publicKey: string; message: string; signatures: { label: string; signature: string }[] };
  const { seed, publicKey, message, signatures } = await vectors<File>('signatures');
  expect(signatures.map(({ label }) => label)).toEqual(Object.values(SignatureLabel));
  expect(SigningKey.fromSeed(hex(seed)).publicKey).toEqual(hex(publicKey));
  for (const { label, signature } of signatures) {
    expect(verify(label as SignatureLabel, hex(publicKey), hex(signature), hex(message))).toBe(true);
  }
});

test('access secrets and key files', async () => {
  for (const { secret, text } of await vectors<{ secret: string; text: string }[]>('access-secrets')) {
    expect(parseAccessSecret(text)).toEqual(hex(secret));
  }
  for (const { id, epoch, text } of await vectors<{ id: string; epoch: number; text: string }[]>('key-file')) {
    expect(await Credential.decode(new TextEncoder().encode(text), 0)).toMatchObject({ id, epoch });
  }
});

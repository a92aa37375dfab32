import { createHash } from 'node:crypto';
import { Credential, createNodecert, encodeAccessSecret, encodeId, SigningKey } from '../../dist/credential/index.js';
import { SignatureLabel } from '../../dist/signature/index.js';
import { loadCrypto } from '../../dist/sodium.js';

/** Vectors of ids, certificates, signatures, access secrets and the key file, from fixed seeds. */
export async function generate() {
  await loadCrypto();
  return {
    'ids.json': ids(),
    'certificates.json': await certificates(),
    'signatures.json': signatures(),
    'access-secrets.json': accessSecrets(),
    'key-file.json': await keyFile(),
  };
}

/** 32 bytes that anyone can derive: SHA-256 of a text. */
export function fixedBytes(text) {
  return Uint8Array.from(createHash('sha256').update(`sealane vectors: ${text}`).digest());
}

/** A generator that gives SHA-256 blocks of a text and a counter, so that keys made with it are fixed. */
export function fixedRandom(text) {
  let calls = 0;
  return (length) => {
    const blocks = [];
    for (let index = 0; index * 32 < length; index += 1) blocks.push(fixedBytes(`${text} ${calls} ${index}`));
    calls += 1;
    return Uint8Array.from(Buffer.concat(blocks).subarray(0, length));
  };
}

function ids() {
  const valid = ['first', 'second', 'third'].map((name) => {
    const key = SigningKey.fromSeed(fixedBytes(`id ${name}`));
    return { seed: hex(key.seed), publicKey: hex(key.publicKey), id: encodeId(key.publicKey) };
  });
  const { id } = valid[0];
  const swapped = id.slice(0, 5) + id[6] + id[5] + id.slice(7);
  return {
    valid,
    invalid: [
      { reason: 'two characters swapped', id: swapped === id ? `7${id.slice(1)}` : swapped },
      { reason: 'one character short', id: id.slice(1) },
      { reason: 'version 0', id: `${id.slice(0, -1)}a` },
      { reason: 'a character that base32 does not have', id: `1${id.slice(1)}` },
      { reason: 'another checksum', id: `${id.slice(0, 52)}${id[52] === 'a' ? 'b' : 'a'}${id.slice(53)}` },
    ],
  };
}

async function certificates() {
  const credential = await Credential.create({ random: fixedRandom('certificate') });
  const rotated = credential.rotate({ nowMs: 1_750_000_000_000, random: fixedRandom('certificate rotated') });
  const node = SigningKey.fromSeed(fixedBytes('node'));
  const keycert = (of) => ({
    publicKey: hex(of.publicKey),
    epoch: of.epoch,
    x25519: hex(of.handshakeKey(of.epoch).publicKey),
    bytes: hex(of.keycert),
  });
  const [first, nodecert] = [credential.keycert, createNodecert(credential, 7, node.publicKey)];
  const flip = (bytes, index) => hex(bytes.map((byte, at) => (at === index ? byte ^ 1 : byte)));
  return {
    keycerts: [keycert(credential), keycert(rotated)],
    nodecerts: [{ identity: hex(credential.publicKey), epoch: 7, nodeKey: hex(node.publicKey), bytes: hex(nodecert) }],
    invalidKeycerts: [
      { reason: 'a changed epoch', bytes: flip(first, 35) },
      { reason: 'a changed handshake key', bytes: flip(first, 40) },
      { reason: 'a changed signature', bytes: flip(first, 131) },
      { reason: 'a nodecert in its place', bytes: hex(nodecert) },
      { reason: 'one byte short', bytes: hex(first.subarray(1)) },
    ],
  };
}

function signatures() {
  const key = SigningKey.fromSeed(fixedBytes('signatures'));
  const message = Uint8Array.from(Buffer.from('The exact received bytes are what is verified.'));
  return {
    seed: hex(key.seed),
    publicKey: hex(key.publicKey),
    message: hex(message),
    signatures: Object.values(SignatureLabel).map((label) => ({ label, signature: hex(key.sign(label, message)) })),
  };
}

function accessSecrets() {
  return ['first', 'second'].map((name) => {
    const secret = fixedBytes(`access secret ${name}`);
    return { secret: hex(secret), text: encodeAccessSecret(secret) };
  });
}

async function keyFile() {
  const nowMs = 1_750_000_000_000;
  const credential = await Credential.create({ random: fixedRandom('key file') });
  const rotated = credential.rotate({ nowMs, random: fixedRandom('key file rotated') });
  return [credential, rotated].map((of) => ({ id: of.id, epoch: of.epoch, text: Buffer.from(of.encode()).toString() }));
}

function hex(bytes) {
  return Buffer.from(bytes).toString('hex');
}

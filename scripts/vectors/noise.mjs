// Noise vectors in the JSON formats of cacophony, snow and noise-c. Each is run in both roles.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { blake2bHash, NoiseHandshake, parsePattern } from '../../packages/crypto/dist/e2ee/index.js';
import { loadCrypto } from '../../packages/crypto/dist/index.js';
import { x25519PublicKey } from '../../packages/crypto/dist/primitives/x25519.js';

const MAX_FAILURES_SHOWN = 20;

// The product has BLAKE2b alone; the others come from Node, to check the processor with more vectors.
const hashes = {
  BLAKE2b: blake2bHash,
  BLAKE2s: nodeHash('BLAKE2s', 'blake2s256', 32, 64),
  SHA256: nodeHash('SHA256', 'sha256', 32, 64),
  SHA512: nodeHash('SHA512', 'sha512', 64, 128),
};

function nodeHash(name, algorithm, length, blockLength) {
  const digest = (...parts) => {
    const hash = createHash(algorithm);
    for (const part of parts) hash.update(part);
    return new Uint8Array(hash.digest());
  };
  return { name, length, blockLength, digest };
}

export async function run(path) {
  await loadCrypto();
  const data = JSON.parse(readFileSync(path, 'utf8'));
  const vectors = Array.isArray(data) ? data : data.vectors;
  const result = { passed: 0, failed: 0, skipped: 0, notes: [] };
  const reasons = new Map();
  for (const [index, vector] of vectors.entries()) {
    const name = nameOf(vector);
    const reason = skipReason(name, vector);
    if (reason !== undefined) {
      result.skipped++;
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      continue;
    }
    try {
      runVector(name, vector);
      result.passed++;
    } catch (error) {
      result.failed++;
      if (result.failed <= MAX_FAILURES_SHOWN) result.notes.push(`failed: vector ${index}, ${name}: ${error.message}`);
    }
  }
  if (result.failed > MAX_FAILURES_SHOWN) result.notes.push(`and ${result.failed - MAX_FAILURES_SHOWN} more failures`);
  for (const [reason, count] of reasons) result.notes.push(`skipped ${count}: ${reason}`);
  return result;
}

// noise-c calls the field `name`; older files may spell the parts out only.
function nameOf(vector) {
  const { protocol_name: protocolName, name, pattern, dh, cipher, hash } = vector ?? {};
  return String(protocolName ?? name ?? `Noise_${pattern}_${dh}_${cipher}_${hash}`);
}

function skipReason(name, vector) {
  if (name.startsWith('NoisePSK_')) return 'NoisePSK_ is of an older revision of Noise';
  if (vector?.fallback || /fallback/.test(name)) return 'fallback patterns are not supported';
  if (vector?.hybrid || /hfs|\+(?!psk)/.test(name)) return 'hybrid forward secrecy is not part of Noise revision 34';
  if (vector?.init_ssk || vector?.resp_ssk) return 'SSK is an extension of noise-c';
  const [, , dh, cipher, hash] = name.split('_');
  // A name of another shape is no reason to skip: it fails when it is run.
  if (dh === undefined || cipher === undefined || hash === undefined) return undefined;
  if (dh !== '25519') return `needs DH ${dh}`;
  if (cipher !== 'ChaChaPoly') return `needs cipher ${cipher}`;
  if (!Object.hasOwn(hashes, hash)) return `needs hash ${hash}`;
  return undefined;
}

function runVector(name, vector) {
  const [prefix, patternName, , , hashName, ...rest] = name.split('_');
  if (prefix !== 'Noise' || hashName === undefined || rest.length > 0) throw new Error('not a protocol name');
  const pattern = parsePattern(patternName);
  const hash = hashes[hashName];
  const initiator = createSide(vector, 'init', 'resp', { pattern, hash, initiator: true });
  const responder = createSide(vector, 'resp', 'init', { pattern, hash, initiator: false });
  const { messages } = vector;
  if (!Array.isArray(messages) || messages.length < pattern.messages.length) throw new Error('too few messages');

  const turns = messages.map((message, index) => {
    const fromInitiator = pattern.isOneWay || index % 2 === 0;
    const [from, to] = fromInitiator ? [initiator, responder] : [responder, initiator];
    return { index, fromInitiator, from, to, payload: bytes(message.payload), ciphertext: bytes(message.ciphertext) };
  });
  const handshake = turns.splice(0, pattern.messages.length);
  for (const { index, from, to, payload, ciphertext } of handshake) {
    assertSame(from.writeMessage(payload), ciphertext, `ciphertext of message ${index}`);
    assertSame(to.readMessage(ciphertext), payload, `payload of message ${index}`);
  }
  if (!initiator.isComplete || !responder.isComplete) throw new Error('the handshake is not complete');
  assertSame(responder.handshakeHash, initiator.handshakeHash, 'handshake hash of the two sides');
  if (vector.handshake_hash !== undefined) {
    assertSame(initiator.handshakeHash, bytes(vector.handshake_hash), 'handshake hash');
  }

  const [sending, receiving] = [initiator.split(), responder.split()];
  assertSame(sending.master, receiving.master, 'third output of Split');
  const ad = new Uint8Array(0);
  for (const { index, fromInitiator, payload, ciphertext } of turns) {
    const [from, to] = fromInitiator ? [sending.c1, receiving.c1] : [receiving.c2, sending.c2];
    assertSame(from.encryptWithAd(ad, payload), ciphertext, `ciphertext of message ${index}`);
    assertSame(to.decryptWithAd(ad, ciphertext), payload, `payload of message ${index}`);
  }
}

function createSide(vector, own, other, fixed) {
  const field = (name) => (vector[name] === undefined ? undefined : bytes(vector[name]));
  const options = { ...fixed, prologue: field(`${own}_prologue`) ?? new Uint8Array(0) };
  const s = field(`${own}_static`);
  const e = field(`${own}_ephemeral`);
  const rs = field(`${own}_remote_static`) ?? field(`${other}_public_static`);
  if (s !== undefined) options.s = { secret: s, publicKey: x25519PublicKey(s) };
  if (e !== undefined) options.e = { secret: e, publicKey: x25519PublicKey(e) };
  if (rs !== undefined) options.rs = rs;
  const { pskCount } = fixed.pattern;
  // One psk alone is the one of every psk token.
  const psks = vector[`${own}_psks`] ?? Array(pskCount).fill(vector[`${own}_psk`]);
  if (psks.length !== pskCount) throw new Error(`${psks.length} psks for ${pskCount} psk tokens`);
  options.psks = psks.map(bytes);
  return new NoiseHandshake(options);
}

function bytes(hex) {
  if (typeof hex !== 'string' || !/^([0-9a-f]{2})*$/i.test(hex)) throw new Error('a field is not hexadecimal');
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

function assertSame(actual, expected, what) {
  if (actual === undefined || Buffer.compare(actual, expected) !== 0) throw new Error(`the ${what} differs`);
}

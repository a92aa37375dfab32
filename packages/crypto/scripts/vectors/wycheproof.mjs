import { readFile } from 'node:fs/promises';
import { AeadKey } from '../../dist/primitives/aead.js';
import { libsodiumAead } from '../../dist/primitives/aead-libsodium.js';
import { nodeAead } from '../../dist/primitives/aead-node.js';
import { bytesEqual } from '../../dist/primitives/bytes.js';
import { ed25519Verify, isEd25519PublicKey } from '../../dist/primitives/ed25519.js';
import { kemDecapsulate, kemEncapsulate, kemKeyPair } from '../../dist/primitives/ml-kem.js';
import { libsodiumX25519 } from '../../dist/primitives/x25519-libsodium.js';
import { nodeX25519 } from '../../dist/primitives/x25519-node.js';
import { loadCrypto } from '../../dist/sodium.js';

/**
 * Runs public vectors of primitives: Wycheproof's JSON files for ChaCha20-Poly1305, X25519, Ed25519 and ML-KEM-768,
 * and ed25519-speccheck's cases. Where there are two backends a case passes only if both agree with it.
 */
const runners = {
  AeadTest: aeadTest,
  XdhComp: x25519Test,
  EddsaVerify: ed25519Test,
  MLKEMTest: kemTest,
  MLKEMEncapsTest: kemEncapsTest,
  MLKEMKeyGen: kemKeyGenTest,
};

/** Whether parsed JSON is of a form that {@link run} knows. */
export function handles(json) {
  if (Array.isArray(json)) return isSpeccheck(json);
  return Array.isArray(json?.testGroups) && json.testGroups.some((group) => Object.hasOwn(runners, group.type));
}

/** Runs one file. Notes name what failed and why something was skipped. */
export async function run(path) {
  await loadCrypto();
  const json = JSON.parse(await readFile(path, 'utf8'));
  const sum = { passed: 0, failed: 0, skipped: 0, notes: [] };
  if (Array.isArray(json) && isSpeccheck(json)) {
    for (const [index, test] of json.entries()) count(sum, `case ${index}`, () => speccheckTest(test, index));
    return sum;
  }
  for (const group of json.testGroups ?? []) {
    for (const test of group.tests) {
      const runner = runners[group.type];
      count(sum, `case ${test.tcId} (${test.comment ?? ''})`, () =>
        runner ? runner(test, group) : { skip: `no test for ${group.type}` },
      );
    }
  }
  return sum;
}

function count(sum, name, test) {
  let outcome;
  try {
    outcome = test();
  } catch (error) {
    outcome = { fail: `threw ${error}` };
  }
  if (outcome === true) {
    sum.passed += 1;
  } else if (outcome.skip) {
    sum.skipped += 1;
    sum.notes.push(`skipped ${name}: ${outcome.skip}`);
  } else {
    sum.failed += 1;
    sum.notes.push(`failed ${name}: ${outcome.fail}`);
  }
}

function aeadTest(test, group) {
  const [key, nonce, ad, message, ciphertext, tag] = [test.key, test.iv, test.aad, test.msg, test.ct, test.tag].map(
    hex,
  );
  const sealed = concat(ciphertext, tag);
  if (group.keySize !== 256 || group.ivSize !== 96) return refusesSizes(key, nonce, ad, sealed);
  for (const [name, backend] of Object.entries({ libsodium: libsodiumAead, node: nodeAead })) {
    const opened = backend.open(key, nonce, ad, sealed);
    if (test.result === 'invalid') {
      if (opened) return { fail: `${name} opens an invalid ciphertext` };
      continue;
    }
    if (!opened || !bytesEqual(opened, message)) return { fail: `${name} does not open it` };
    // In two parts, so that joining is part of the test.
    const half = message.length >> 1;
    const target = new Uint8Array(message.length + 17);
    const written = backend.sealInto(key, nonce, ad, [message.slice(0, half), message.slice(half)], target, 1);
    if (written !== sealed.length || !bytesEqual(target.subarray(1), sealed)) {
      return { fail: `${name} seals to other bytes` };
    }
  }
  return true;
}

/** The interface takes only the protocol's sizes: other ones never reach a backend. */
function refusesSizes(key, nonce, ad, sealed) {
  try {
    new AeadKey(key).open(nonce, ad, sealed);
  } catch (error) {
    return error.code === 'ERR_ARGUMENT' || { fail: `threw ${error}` };
  }
  return { fail: 'takes a nonce or key of another size' };
}

function x25519Test(test) {
  const [secret, publicKey, expected] = [test.private, test.public, test.shared].map(hex);
  const refused = expected.every((byte) => byte === 0);
  for (const [name, backend] of Object.entries({ libsodium: libsodiumX25519, node: nodeX25519 })) {
    const shared = backend.importSecret(secret).agree(publicKey);
    if (refused && shared) return { fail: `${name} accepts an all-zero secret` };
    if (!refused && (!shared || !bytesEqual(shared, expected))) return { fail: `${name} gives another secret` };
  }
  return true;
}

function ed25519Test(test, group) {
  const valid = ed25519Verify(hex(group.publicKey.pk), hex(test.sig), hex(test.msg));
  return valid === (test.result === 'valid') || { fail: `verifies: ${valid}` };
}

/** Of the twelve published cases, those with a low-order key must be refused; the rest must not throw. */
function speccheckTest(test) {
  const publicKey = hex(test.pub_key);
  const valid = ed25519Verify(publicKey, hex(test.signature), hex(test.message));
  if (!isEd25519PublicKey(publicKey)) return !isLowOrder(publicKey) || !valid || { fail: 'a low-order key verifies' };
  return !isLowOrder(publicKey) || { fail: 'a low-order key counts as valid' };
}

/** The encodings of the points whose order divides 8, non-canonical ones included, without the sign bit. */
const lowOrder = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

function isLowOrder(publicKey) {
  const y = Buffer.from(publicKey);
  y[31] &= 0x7f;
  return lowOrder.has(y.toString('hex'));
}

function kemTest(test) {
  const [seed, ciphertext] = [test.seed, test.c].map(hex);
  let secret;
  try {
    const pair = kemKeyPair(seed);
    if (test.ek && !bytesEqual(pair.publicKey, hex(test.ek))) return { fail: 'another public key' };
    secret = kemDecapsulate(ciphertext, pair.secretKey);
  } catch (error) {
    return test.result === 'invalid' || { fail: `refused: ${error}` };
  }
  if (test.result === 'invalid') return { fail: 'accepted' };
  return bytesEqual(secret, hex(test.K)) || { fail: 'another secret' };
}

function kemEncapsTest(test) {
  let result;
  try {
    result = kemEncapsulate(hex(test.ek), hex(test.m));
  } catch (error) {
    return test.result === 'invalid' || { fail: `refused: ${error}` };
  }
  if (test.result === 'invalid') return { fail: 'accepted' };
  const same = bytesEqual(result.ciphertext, hex(test.c)) && bytesEqual(result.sharedSecret, hex(test.K));
  return same || { fail: 'another ciphertext or secret' };
}

function kemKeyGenTest(test) {
  return bytesEqual(kemKeyPair(hex(test.seed)).publicKey, hex(test.ek)) || { fail: 'another public key' };
}

function isSpeccheck(json) {
  return json.length > 0 && json.every((test) => test?.pub_key && test.signature && typeof test.message === 'string');
}

function hex(text) {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

function concat(...parts) {
  return Uint8Array.from(Buffer.concat(parts));
}

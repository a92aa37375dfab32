import { RESUME_BYTES, type Resumption } from '@sealane/crypto/e2ee';
import { Resumption as ResumptionKeys } from '../../crypto/src/e2ee/resumption.js';
import { AeadKey } from '../../crypto/src/primitives/aead.js';
import { prepareIdentities } from '../src/identities.js';
import { Script } from '../src/script.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { accepted, assertRule, outcome } from '../src/violation.js';

const keyOf = (label: string): Uint8Array => new Uint8Array(32).fill(label.length + label.charCodeAt(label.length - 1));
const connectionId = new Uint8Array(16).fill(1);
const resumeId = new Uint8Array(16).fill(2);
const create = (role: 'dialer' | 'owner'): Resumption => new ResumptionKeys(role, keyOf, connectionId, resumeId);

/** RESUME of the other side: sealed by it with any numbers, damaged, for another path, or not sealed at all. */
export const resumeSealTarget: Target = {
  name: 'resume-seal',
  shape: { kind: 'bytes' },
  maxBytes: 200,
  prepare: prepareIdentities,
  seeds: () =>
    ['0000000001', '0100000002000000000000000000010000000000000002', '02000000010022', '03ffffffff'].map(fromHex),
  run(input) {
    const script = new Script(input);
    const mode = script.below(4);
    const path = script.u32();
    const dialer = create('dialer');
    const owner = create('owner');
    const codes = ['ERR_E2EE_INTEGRITY', 'ERR_E2EE_PROTOCOL'];
    if (mode === 0) {
      const state = { status: script.u16(), nextExpected: script.u32(), nextSealed: script.u32() * 2 ** 16 };
      const sealed = outcome(() => dialer.seal(path, state));
      assertRule((sealed.code === undefined) === path >= 1, 'paths count from 1');
      if (sealed.value === undefined) return;
      const opened = owner.open(path, sealed.value);
      assertRule(JSON.stringify(opened) === JSON.stringify(state), 'RESUME says what was sealed');
      assertRule(outcome(() => owner.open(path + 1, sealed.value!)).code !== undefined, 'RESUME is for one path');
      assertRule(outcome(() => dialer.open(path, sealed.value!)).code !== undefined, 'RESUME has one direction');
      assertRule(outcome(() => dialer.seal(path, state)).code === 'ERR_NOISE_STATE', 'a number is sealed once');
      return;
    }
    if (mode === 1) {
      // Anything at all under the right key.
      const plaintext = script.bytes(RESUME_BYTES - 16);
      const sealed = new Uint8Array(plaintext.length + 16);
      const nonce = new Uint8Array(12);
      new DataView(nonce.buffer).setBigUint64(4, BigInt(path), true);
      const ad = Buffer.concat([connectionId, resumeId]);
      new AeadKey(keyOf('int/resume-key-i')).seal(nonce, ad, [plaintext], sealed, 0);
      const state = accepted(codes, () => owner.open(path, sealed));
      if (state !== undefined) assertRule(Object.values(state).every(Number.isSafeInteger), 'numbers are exact');
      return;
    }
    const sealed =
      mode === 2 ? dialer.seal(Math.max(1, path), { status: 0, nextExpected: 1, nextSealed: 2 }) : script.rest();
    if (mode === 2) sealed[script.below(sealed.length)]! ^= 1 << script.below(8);
    assertRule(accepted(codes, () => owner.open(path, sealed)) === undefined, 'what was not sealed does not open');
  },
};

import { CipherState, parseAbort, parseFrames, RecordOpener } from '@sealane/crypto/e2ee';
import { isSealaneError, RecordType } from '@sealane/types';
import { prepareIdentities } from '../src/identities.js';
import { Script } from '../src/script.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { accepted, assertRule, Violation } from '../src/violation.js';

const key = new Uint8Array(32).fill(5);
const empty = new Uint8Array(0);
const maxPlaintext = 8_704;

/**
 * Records of a peer that holds the keys and keeps no rule: `what u8 | u8 length | plaintext` one after another. They are
 * sealed as they stand, sent twice, damaged, or the key is changed without saying so.
 */
export const recordOpenerTarget: Target = {
  name: 'record-opener',
  shape: { kind: 'bytes' },
  maxBytes: 1_024,
  prepare: prepareIdentities,
  seeds: () =>
    [
      '00000900000000000000000000',
      '01000901000000000000000000 00000900000000000000000001 00000102 000003 040001 000001 03',
      '000003 850000 00000c 80000000000000000000 0001 000001 40 000001 3f',
      '040009 00000000000000000000',
    ].map((hex) => fromHex(hex.replaceAll(' ', ''))),
  run(input) {
    const script = new Script(input);
    const role = script.flag() ? 'owner' : 'dialer';
    const sealer = new CipherState(key);
    const opener = new RecordOpener(new CipherState(key), role, maxPlaintext);
    let expected = 0;
    for (let step = 0; step < 32 && !script.isOver; step++) {
      const what = script.u8();
      const plaintext = script.bytes(script.u16() % 512);
      const ciphertext = sealer.encryptWithAd(empty, plaintext);
      if (what === 4) ciphertext[ciphertext.length >> 1]! ^= 1;
      const record = open(opener, ciphertext);
      if (record === 'fatal') return;
      if (record === 'closed') {
        // It did not open, or has no length of a record: the sender went on, so nothing opens any more.
        assertRule(opener.nextNumber === expected, 'a record that does not open changes nothing');
        return;
      }
      assertRule(what !== 4, 'a damaged record does not open');
      assertRule(record.number === expected && opener.nextNumber === expected + 1, 'records are counted');
      assertRule((record.type === RecordType.CONFIRM) === (role === 'owner' && expected === 0), 'CONFIRM is record 0');
      assertRule(record.body.length < plaintext.length, 'a body is shorter than its record');
      accepted(['ERR_E2EE_PROTOCOL'], () => parseBody(record.type, record.body));
      if (record.type === RecordType.REKEY) sealer.rekey();
      expected++;
      if (what === 5) assertRule(open(opener, ciphertext) === 'closed', 'a record opens once');
    }
  },
};

function parseBody(type: number, body: Uint8Array): void {
  if (type === RecordType.FRAMES) parseFrames(body);
  if (type === RecordType.ABORT) parseAbort(body);
}

function open(opener: RecordOpener, ciphertext: Uint8Array): ReturnType<RecordOpener['open']> | 'fatal' | 'closed' {
  try {
    return opener.open(ciphertext);
  } catch (error) {
    if (isSealaneError(error, 'ERR_E2EE_PROTOCOL')) return 'fatal';
    if (isSealaneError(error, 'ERR_E2EE_INTEGRITY')) return 'closed';
    throw new Violation('a record is refused in two ways only', { cause: error });
  }
}

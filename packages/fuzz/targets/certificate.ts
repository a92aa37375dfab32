import { parseKeycert, parseNodecert } from '@sealane/crypto/credential';
import { SignatureLabel, verify } from '@sealane/crypto/signature';
import certificates from '../../crypto/vectors/certificates.json' with { type: 'json' };
import { knownIdentities, prepareIdentities } from '../src/identities.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { accepted, assertRule, assertSameBytes } from '../src/violation.js';

/** `0 | certificate` as it is, or `1 | first 68 bytes` signed rightly by the issuer that the target holds. */
export const certificateTarget: Target = {
  name: 'certificate',
  shape: { kind: 'bytes' },
  maxBytes: 140,
  prepare: prepareIdentities,
  seeds() {
    const { keycert } = knownIdentities().owner;
    const known = certificates.keycerts.map(({ bytes }) => fromHex(bytes));
    return [...known, keycert].flatMap((bytes) => [
      new Uint8Array([0, ...bytes]),
      new Uint8Array([1, ...bytes.subarray(0, 68)]),
    ]);
  },
  run(input) {
    const { owner } = knownIdentities();
    const signed = input.subarray(1);
    const isSealed = input[0] === 1;
    const bytes = isSealed ? Buffer.concat([signed, owner.sign(SignatureLabel.KEYCERT, signed)]) : signed;
    const keycert = accepted(['ERR_KEYCERT_INVALID'], () => parseKeycert(bytes));
    const nodecert = accepted(['ERR_KEYCERT_INVALID'], () => parseNodecert(bytes));
    assertRule(keycert === undefined || nodecert === undefined, 'a signature is for one purpose');
    if (keycert === undefined) return;
    assertSameBytes(keycert.bytes, bytes, 'a certificate keeps its bytes');
    assertRule(bytes.length === 132 && keycert.epoch >= 1, 'a certificate has 132 bytes and an epoch');
    const isSigned = verify(SignatureLabel.KEYCERT, keycert.publicKey, bytes.subarray(68), bytes.subarray(0, 68));
    assertRule(isSigned, 'a certificate is signed by its issuer');
  },
};

import { isDeepStrictEqual } from 'node:util';
import { Suite } from '@sealane/types';
import { encodeMessage1Payload, parseMessage1Payload } from '../../crypto/src/e2ee/handshake/message1-payload.js';
import { knownIdentities, parameters, prepareIdentities } from '../src/identities.js';
import type { Target } from '../src/target.js';
import { accepted, assertRule } from '../src/violation.js';

/** `suite u8 | payload of message 1`: lists with counts, texts, and the fields after them that may be unknown. */
export const message1PayloadTarget: Target = {
  name: 'message1-payload',
  shape: { kind: 'bytes' },
  maxBytes: 4_097,
  prepare: prepareIdentities,
  seeds: () => message1Payloads(),
  run(input) {
    const suite = input[0] === Suite.CLASSICAL ? Suite.CLASSICAL : Suite.HYBRID;
    const payload = accepted(['ERR_E2EE_HANDSHAKE'], () => parseMessage1Payload(input.subarray(1), suite));
    if (payload === undefined) return;
    assertRule(payload.suites.includes(suite) && payload.alpn.length >= 1, 'lists hold what they must');
    const again = parseMessage1Payload(encodeMessage1Payload(payload), suite);
    assertRule(isDeepStrictEqual(again, payload), 'what was read is written and read the same');
  },
};

/** Valid ones of both suites with their suite before them, and one with an unknown field after the last. */
export function message1Payloads(): Uint8Array[] {
  const { keycert } = knownIdentities().dialer;
  const shared = { keycert, service: 'web', alpn: ['sealane/stream/1', 'other/1'], parameters };
  const classical = encodeMessage1Payload({ ...shared, suites: [1], kemPublicKey: new Uint8Array(0) });
  const withField = classical.slice();
  const end = withField.findLastIndex((byte) => byte !== 0) + 8;
  withField.set([0x12, 0x34, 0, 2, 7, 7], Math.min(end, withField.length - 8));
  const hybrid = encodeMessage1Payload({ ...shared, suites: [2, 1], kemPublicKey: new Uint8Array(1_184).fill(3) });
  return [new Uint8Array([1, ...classical]), new Uint8Array([1, ...withField]), new Uint8Array([2, ...hybrid])];
}

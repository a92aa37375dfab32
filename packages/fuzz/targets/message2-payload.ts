import { isDeepStrictEqual } from 'node:util';
import { OwnerCode } from '@sealane/types';
import {
  encodeAcceptance,
  encodeRefusal,
  parseMessage2Payload,
} from '../../crypto/src/e2ee/handshake/message2-payload.js';
import { knownIdentities, parameters, prepareIdentities } from '../src/identities.js';
import type { Target } from '../src/target.js';
import { accepted, assertRule } from '../src/violation.js';

/** The payload of message 2: an acceptance or a refusal. */
export const message2PayloadTarget: Target = {
  name: 'message2-payload',
  shape: { kind: 'bytes' },
  maxBytes: 1_024,
  prepare: prepareIdentities,
  seeds: () => message2Payloads(),
  run(input) {
    const answer = accepted(['ERR_E2EE_HANDSHAKE'], () => parseMessage2Payload(input));
    if (answer === undefined) return;
    if ('alpn' in answer) {
      const again = parseMessage2Payload(encodeAcceptance(answer));
      assertRule(isDeepStrictEqual(again, answer), 'an acceptance is written and read the same');
      return;
    }
    assertRule(answer.code !== OwnerCode.OK, 'a refusal is not OK');
    const { reason = '' } = answer;
    assertRule(!/[\p{Cc}\p{Cf}]/u.test(reason), 'a reason has nothing that a terminal acts on');
    assertRule(reason.length <= 96, 'a reason has its limit');
  },
};

export function message2Payloads(): Uint8Array[] {
  const { keycert } = knownIdentities().dialer;
  return [
    encodeAcceptance({ alpn: 'sealane/stream/1', parameters, instance: new Uint8Array(16).fill(7) }),
    encodeRefusal(OwnerCode.DENIED, 'not on the list'),
    encodeRefusal(OwnerCode.DENIED, undefined, keycert),
    encodeRefusal(77, undefined),
  ];
}

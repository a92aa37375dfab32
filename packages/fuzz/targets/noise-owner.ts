import { NoiseHandshake, OwnerHandshake } from '@sealane/crypto/e2ee';
import { seededRandom } from '@sealane/testkit';
import { OwnerCode, Suite } from '@sealane/types';
import { createPrologue, suitePattern } from '../../crypto/src/e2ee/handshake/suites.js';
import { knownIdentities, parameters, prepareIdentities } from '../src/identities.js';
import { Script } from '../src/script.js';
import type { Target } from '../src/target.js';
import { accepted, assertRule, assertSameBytes } from '../src/violation.js';
import { message1Payloads } from './message1-payload.js';

const connectionId = new Uint8Array(16).fill(9);
const secret = new Uint8Array(32).fill(8);

/**
 * Message 1 at the owner: `flags u8 | rest`. Flag 1: `rest` is `suite u8 | payload`, which a dialer without manners
 * seals rightly for the owner's key, so that the payload's own rules are reached; otherwise it is message 1 itself.
 */
export const noiseOwnerTarget: Target = {
  name: 'noise-owner',
  shape: { kind: 'bytes' },
  maxBytes: 4_200,
  prepare: prepareIdentities,
  seeds: () => [
    ...message1Payloads().flatMap((payload) => [1, 3, 5, 9].map((flags) => new Uint8Array([flags, ...payload]))),
    new Uint8Array([0, ...sealMessage1(message1Payloads()[0]!)]),
  ],
  run(input) {
    const script = new Script(input);
    const flags = script.u8();
    const rest = script.rest();
    const message = (flags & 1) === 1 ? sealMessage1(rest) : rest;
    const owner = accepted(['ERR_E2EE_HANDSHAKE', 'ERR_E2EE_SUITE', 'ERR_E2EE_EPOCH'], () =>
      OwnerHandshake.open(message, {
        credential: knownIdentities().owner,
        connectionId,
        suites: (flags & 2) === 0 ? [Suite.HYBRID, Suite.CLASSICAL] : [Suite.HYBRID],
        random: seededRandom(5),
        ...((flags & 4) === 0 ? {} : { accessSecret: secret }),
      }),
    );
    if (owner === undefined) return;
    const { dialer } = knownIdentities();
    assertSameBytes(owner.peer.publicKey, dialer.publicKey, 'the peer is whose static key was used');
    assertRule(owner.alpn.length >= 1 && owner.alpn.length <= 16, 'a peer offers protocols');
    const isRefused = (flags & 8) !== 0;
    if (isRefused) {
      accepted(['ERR_E2EE_HANDSHAKE'], () => owner.refuse(OwnerCode.DENIED, 'no'));
      return;
    }
    const result = accepted(['ERR_E2EE_HANDSHAKE', 'ERR_E2EE_DOWNGRADE'], () =>
      owner.accept({ alpn: owner.alpn[0]!, parameters, instance: new Uint8Array(16).fill(7) }),
    );
    if (result === undefined) return;
    assertRule(!owner.downgrade, 'a downgrade is not accepted');
    assertRule((flags & 4) === 0 || owner.suite === Suite.HYBRID, 'an access secret needs suite 2');
    result.keys.wipe();
  },
};

function sealMessage1(suiteAndPayload: Uint8Array): Uint8Array {
  const { owner, dialer } = knownIdentities();
  const suite = suiteAndPayload[0] === Suite.CLASSICAL ? Suite.CLASSICAL : Suite.HYBRID;
  const s = dialer.handshakeKey(1)!;
  const noise = new NoiseHandshake({
    pattern: suitePattern[suite],
    initiator: true,
    prologue: createPrologue(suite, owner.epoch, owner.publicKey, connectionId),
    s,
    rs: owner.handshakeKey(1)!.publicKey,
    random: seededRandom(6),
  });
  const sealed = noise.writeMessage(suiteAndPayload.subarray(1));
  return new Uint8Array([suite, 0, 0, 0, 1, ...sealed]);
}

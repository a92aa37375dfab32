import { parseKeycert } from '@sealane/crypto/credential';
import { DialerHandshake, NoiseHandshake } from '@sealane/crypto/e2ee';
import { seededRandom } from '@sealane/testkit';
import { Suite } from '@sealane/types';
import { parseMessage1Payload } from '../../crypto/src/e2ee/handshake/message1-payload.js';
import { createPrologue, derivePsk, suitePattern } from '../../crypto/src/e2ee/handshake/suites.js';
import { kemEncapsulate } from '../../crypto/src/primitives/ml-kem.js';
import { knownIdentities, parameters, prepareIdentities } from '../src/identities.js';
import { Script } from '../src/script.js';
import type { Target } from '../src/target.js';
import { accepted, assertRule } from '../src/violation.js';
import { message2Payloads } from './message2-payload.js';

/**
 * Message 2 at the dialer: `flags u8 | rest`. Flag 1: `rest` is the payload, which an owner without manners seals rightly;
 * otherwise it is message 2 itself. Flag 2: suite 1.
 */
export const noiseDialerTarget: Target = {
  name: 'noise-dialer',
  shape: { kind: 'bytes' },
  maxBytes: 4_200,
  prepare: prepareIdentities,
  seeds: () => [
    ...message2Payloads().flatMap((payload) => [1, 3].map((flags) => new Uint8Array([flags, ...payload]))),
    new Uint8Array([0, 2, ...new Uint8Array(1_088 + 304)]),
  ],
  run(input) {
    const { owner, dialer } = knownIdentities();
    const script = new Script(input);
    const flags = script.u8();
    const rest = script.rest();
    const suite = (flags & 2) === 0 ? Suite.HYBRID : Suite.CLASSICAL;
    const handshake = DialerHandshake.create({
      credential: dialer,
      owner: parseKeycert(owner.keycert),
      service: 'web',
      alpn: ['sealane/stream/1', 'other/1'],
      suites: [suite],
      parameters,
      random: seededRandom(7),
    });
    const message1 = handshake.createMessage1();
    const message2 = (flags & 1) === 0 ? rest : sealMessage2(suite, message1, handshake.connectionId, rest);
    const result = accepted(['ERR_E2EE_'], () => handshake.readMessage2(message2));
    if (result === undefined) return;
    assertRule((flags & 1) === 1, 'nobody but the owner grants a session');
    assertRule(['sealane/stream/1', 'other/1'].includes(result.alpn), 'a protocol that was offered');
    assertRule(result.instance.length === 16 && result.peer.maxStreams >= 1, 'what the owner says is in its range');
    result.keys.wipe();
  },
};

function sealMessage2(suite: Suite, message1: Uint8Array, connectionId: Uint8Array, payload: Uint8Array): Uint8Array {
  const { owner } = knownIdentities();
  const noise = new NoiseHandshake({
    pattern: suitePattern[suite],
    initiator: false,
    prologue: createPrologue(suite, owner.epoch, owner.publicKey, connectionId),
    s: owner.handshakeKey(1)!,
    random: seededRandom(8),
  });
  const { kemPublicKey } = parseMessage1Payload(noise.readMessage(message1.subarray(5)), suite);
  if (suite === Suite.CLASSICAL) return new Uint8Array([suite, ...noise.writeMessage(payload)]);
  const { ciphertext, sharedSecret } = kemEncapsulate(kemPublicKey, new Uint8Array(32).fill(4));
  noise.setPsk(0, derivePsk(sharedSecret, ciphertext, kemPublicKey, undefined));
  return new Uint8Array([suite, ...ciphertext, ...noise.writeMessage(payload)]);
}

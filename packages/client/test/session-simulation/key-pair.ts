import { NoiseHandshake, parsePattern, SessionKeys } from '@sealane/crypto/e2ee';
import type { SeededRandom } from '@sealane/testkit';

const nothing = new Uint8Array(0);
const pattern = parsePattern('NN');

/** Real keys of both sides of one session, by the smallest handshake there is. */
export function createKeyPair(
  random: SeededRandom,
  maxPlaintext: readonly [number, number],
): readonly [dialer: SessionKeys, owner: SessionKeys] {
  const initiator = new NoiseHandshake({ pattern, initiator: true, random });
  const responder = new NoiseHandshake({ pattern, initiator: false, random });
  responder.readMessage(initiator.writeMessage(nothing));
  initiator.readMessage(responder.writeMessage(nothing));
  const connectionId = random(16);
  const [dialerTakes, ownerTakes] = maxPlaintext;
  return [
    new SessionKeys(initiator, 'dialer', connectionId, ownerTakes),
    new SessionKeys(responder, 'owner', connectionId, dialerTakes),
  ];
}

import type { KeycertStore, NamePin, PinStore } from '@sealane/client';
import { encodeId } from '@sealane/crypto/credential';
import { SealaneError } from '@sealane/types';
import type { KnownPeers } from './known-peers.js';

/** The user's file as the pins of a client. The first process that pinned a name decides for all. */
export function createPinStore(peers: KnownPeers): PinStore {
  return {
    get: (relayId, name) => peers.pin(relayId, name),
    async put(relayId, name, pin) {
      const counting = await peers.addPin(relayId, name, pin);
      if (counting.id !== pin.id || counting.service !== pin.service)
        throw await pinError(peers, relayId, name, counting, pin);
    },
  };
}

/** A changed answer, with the way out; the answer is remembered for `sealane peers accept NAME`. */
export async function pinError(
  peers: KnownPeers,
  relayId: string,
  name: string,
  pinned: NamePin,
  answer: NamePin,
): Promise<SealaneError> {
  await peers.addRefused(relayId, name, answer);
  const text = ({ id, service }: NamePin) => (service === '' ? id : `${id}/${service}`);
  return new SealaneError(
    'ERR_E2EE_PIN',
    `the relay says that ${name} is ${text(answer)}, but it was ${text(pinned)} when it was first used; if the owner confirms the new id, run "sealane peers accept ${name} ${text(answer)}"`,
    { details: { advised: true, relayId, name, pinned, answer } },
  );
}

const publicKeyBytes = 32;

/**
 * The user's file as the known keycerts of a client. `only` limits what is kept, so that strangers
 * cannot fill the file of an owner whom anybody may reach.
 */
export function createKeycertStore(peers: KnownPeers, only: (id: string) => boolean = () => true): KeycertStore {
  return {
    get: async (id) => (await peers.keycert(id))?.bytes,
    async put(id, keycert) {
      if (!only(id)) return;
      const view = new DataView(keycert.buffer, keycert.byteOffset, keycert.byteLength);
      if (encodeId(keycert.subarray(0, publicKeyBytes)) !== id) {
        throw new SealaneError('ERR_KEYCERT_INVALID', 'the keycert belongs to another id');
      }
      await peers.addKeycert({ id, epoch: view.getUint32(publicKeyBytes), bytes: keycert });
    },
  };
}

import { bytesEqual } from '@sealane/crypto';
import { encodeId, type Keycert, parseKeycert } from '@sealane/crypto/credential';
import { SealaneError } from '@sealane/types';
import type { KeycertOrigin, KeycertStore } from './keycert-store.js';

/** The newest keycert seen of each peer; lower epochs are refused (v1.md, "Identity"). */
export class KeycertBook {
  readonly #store: KeycertStore;

  constructor(store: KeycertStore) {
    this.#store = store;
  }

  /** Undefined too where the store holds what does not verify, or is of somebody else: then it is as if unknown. */
  async newest(id: string): Promise<Keycert | undefined> {
    const bytes = await this.#store.get(id);
    if (bytes === undefined) return undefined;
    try {
      const keycert = parseKeycert(bytes);
      return encodeId(keycert.publicKey) === id ? keycert : undefined;
    } catch {
      return undefined;
    }
  }

  /** ERR_E2EE_KEYCERT when a keycert of a higher epoch, or another one of the same epoch, was seen before. */
  async assertNotOlder(keycert: Keycert): Promise<void> {
    await this.#isNewer(encodeId(keycert.publicKey), keycert);
  }

  /** Remembers what was verified. Throws as {@link assertNotOlder}. */
  async remember(keycert: Keycert, origin: KeycertOrigin): Promise<void> {
    const id = encodeId(keycert.publicKey);
    if (await this.#isNewer(id, keycert)) await this.#store.put(id, keycert.bytes, origin);
  }

  async #isNewer(id: string, keycert: Keycert): Promise<boolean> {
    const known = await this.newest(id);
    if (known === undefined || known.epoch < keycert.epoch) return true;
    if (known.epoch === keycert.epoch && bytesEqual(known.x25519, keycert.x25519)) return false;
    throw new SealaneError('ERR_E2EE_KEYCERT', undefined, {
      details: { knownEpoch: known.epoch, epoch: keycert.epoch },
    });
  }
}

/**
 * A keycert that came from a relay: it counts only if it verifies and is of `id`. ERR_RELAY_KEYCERT otherwise,
 * ERR_E2EE_KEYCERT when it is older than what is known.
 */
export async function takeKeycert(book: KeycertBook, id: string, bytes: Uint8Array): Promise<Keycert> {
  let keycert: Keycert;
  try {
    keycert = parseKeycert(bytes);
  } catch (cause) {
    throw new SealaneError('ERR_RELAY_KEYCERT', 'the relay gave a keycert that does not verify', { cause });
  }
  if (encodeId(keycert.publicKey) !== id) {
    throw new SealaneError('ERR_RELAY_KEYCERT', 'the relay gave a keycert of another identity');
  }
  await book.remember(keycert, 'dialed');
  return keycert;
}

import { SealaneError } from '@sealane/types';
import type { NamePin, PinStore } from '../pin-store.js';
import { BrowserDatabase, DEFAULT_DATABASE } from './browser-database.js';

/** Pins of names in IndexedDB. Of several pages the first one that pinned a name decides for all. */
export class BrowserPinStore implements PinStore {
  readonly #database: BrowserDatabase;

  constructor(options: { readonly database?: string } = {}) {
    this.#database = new BrowserDatabase(options.database ?? DEFAULT_DATABASE);
  }

  async get(relayId: string, name: string): Promise<NamePin | undefined> {
    return (await this.#database.get('pins', keyOf(relayId, name))) as NamePin | undefined;
  }

  /** ERR_E2EE_PIN when the name is pinned to another owner already. */
  async put(relayId: string, name: string, pin: NamePin): Promise<void> {
    let counting: NamePin = pin;
    await this.#database.transact('pins', 'readwrite', (objects) => {
      const request = objects.get(keyOf(relayId, name)) as IDBRequest<NamePin | undefined>;
      request.onsuccess = () => {
        if (request.result !== undefined) counting = request.result;
        else objects.put({ id: pin.id, service: pin.service }, keyOf(relayId, name));
      };
    });
    if (counting.id === pin.id && counting.service === pin.service) return;
    throw new SealaneError('ERR_E2EE_PIN', `the name ${name} stood for another owner when it was first used`, {
      details: { relayId, name, pinned: counting, found: pin },
    });
  }

  /** Takes the next answer of the relay for this name: after the owner confirmed that it changed. */
  async forget(relayId: string, name: string): Promise<void> {
    await this.#database.transact('pins', 'readwrite', (objects) => {
      objects.delete(keyOf(relayId, name));
    });
  }
}

function keyOf(relayId: string, name: string): string {
  return `${relayId} ${name}`;
}

import { SealaneError } from '@sealane/types';
import type { BrowserDatabase } from './browser-database.js';
import type { StoredIdentity } from './stored-identity.js';

/** The place of one identity in the database. Every change is decided inside one transaction, so pages cannot differ. */
export class IdentitySlot {
  readonly name: string;
  readonly #database: BrowserDatabase;

  constructor(database: BrowserDatabase, name: string) {
    this.#database = database;
    this.name = name;
  }

  async read(): Promise<StoredIdentity | undefined> {
    const stored = await this.#database.get('identities', this.name);
    return stored === undefined ? undefined : this.#checked(stored);
  }

  /** Stores `identity` if there is none yet. What is stored afterwards. */
  async add(identity: StoredIdentity): Promise<StoredIdentity> {
    return (await this.#change((present) => present ?? identity)) as StoredIdentity;
  }

  /** Stores `identity` in place of the one with `revision`. What is stored afterwards; ERR_STORAGE if it was erased. */
  async replace(revision: string, identity: StoredIdentity): Promise<StoredIdentity> {
    const left = await this.#change((present) => (present?.revision === revision ? identity : present));
    if (left !== undefined) return left;
    throw new SealaneError('ERR_STORAGE', `the identity "${this.name}" is no longer in this browser`);
  }

  async erase(): Promise<void> {
    await this.#database.transact('identities', 'readwrite', (objects) => {
      objects.delete(this.name);
    });
  }

  async #change(
    decide: (present: StoredIdentity | undefined) => StoredIdentity | undefined,
  ): Promise<StoredIdentity | undefined> {
    let left: unknown;
    await this.#database.transact('identities', 'readwrite', (objects) => {
      const request = objects.get(this.name);
      request.onsuccess = () => {
        const present = request.result as StoredIdentity | undefined;
        left = decide(present);
        if (left !== undefined && left !== present) objects.put(left, this.name);
      };
    });
    return left === undefined ? undefined : this.#checked(left);
  }

  #checked(stored: unknown): StoredIdentity {
    const { version, kind } = stored as Partial<StoredIdentity>;
    if (version === 1 && (kind === 'web' || kind === 'wrapped')) return stored as StoredIdentity;
    throw new SealaneError('ERR_STORAGE', `the identity "${this.name}" was stored by another version of Sealane`);
  }
}

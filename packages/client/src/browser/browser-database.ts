import { SealaneError } from '@sealane/types';

export const DEFAULT_DATABASE = 'sealane';

const VERSION = 1;

/** The stores of the database; what they hold is described where it is used. */
type StoreName = 'identities' | 'pins' | 'keycerts';

/**
 * The IndexedDB database that keeps identities, pins and keycerts, shared by the pages and workers of one origin.
 * Opened when it is first used and again when the browser closed it. Every failure is ERR_STORAGE.
 */
export class BrowserDatabase {
  readonly #name: string;
  #opening: Promise<IDBDatabase> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  async get(store: StoreName, key: string): Promise<unknown> {
    let found: unknown;
    await this.transact(store, 'readonly', (objects) => {
      const request = objects.get(key);
      request.onsuccess = () => {
        found = request.result;
      };
    });
    return found;
  }

  /** Runs `work` in one transaction and resolves when it is on the disk; an exception of `work` rolls it back. */
  async transact(
    store: StoreName,
    mode: 'readonly' | 'readwrite',
    work: (objects: IDBObjectStore) => void,
  ): Promise<void> {
    try {
      const transaction = await this.#begin(store, mode);
      await new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error);
        work(transaction.objectStore(store));
      });
    } catch (cause) {
      throw storageError(cause);
    }
  }

  /** A connection that another page's upgrade or the user has closed is opened again, once. */
  async #begin(store: StoreName, mode: 'readonly' | 'readwrite'): Promise<IDBTransaction> {
    const options = { durability: 'strict' } as const;
    try {
      return (await this.#open()).transaction(store, mode, options);
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'InvalidStateError') throw error;
      this.#opening = undefined;
      return (await this.#open()).transaction(store, mode, options);
    }
  }

  #open(): Promise<IDBDatabase> {
    this.#opening ??= openDatabase(this.#name, () => {
      this.#opening = undefined;
    }).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }
}

function openDatabase(name: string, onClosed: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    if (globalThis.indexedDB === undefined) throw new SealaneError('ERR_STORAGE', 'IndexedDB is missing here');
    const request = indexedDB.open(name, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('identities');
      request.result.createObjectStore('pins');
      request.result.createObjectStore('keycerts').createIndex('learnedAtMs', 'learnedAtMs');
    };
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const database = request.result;
      database.onclose = onClosed;
      // Another page deletes the database, or has newer code: this one must not hold it up.
      database.onversionchange = () => {
        onClosed();
        database.close();
      };
      resolve(database);
    };
  });
}

function storageError(cause: unknown): SealaneError {
  if (cause instanceof SealaneError) return cause;
  const text = (cause as Partial<Error> | null)?.message || 'it was given up';
  return new SealaneError('ERR_STORAGE', `the storage of the browser failed: ${text}`, { cause });
}

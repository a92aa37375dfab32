import type { KeycertStore } from '../keycert-store.js';
import { BrowserDatabase, DEFAULT_DATABASE } from './browser-database.js';

interface StoredKeycert {
  readonly bytes: Uint8Array;
  readonly learnedAtMs: number;
}

const MAX_REMEMBERED = 10_000;
/** v1.md, "Identity": `ed25519 key 32 | epoch u32 | ...`. */
const EPOCH_OFFSET = 32;

/** Keycerts in IndexedDB; the one learned longest ago is forgotten beyond `maxRemembered` (10,000). */
export class BrowserKeycertStore implements KeycertStore {
  readonly #database: BrowserDatabase;
  readonly #maxRemembered: number;

  constructor(options: { readonly database?: string; readonly maxRemembered?: number } = {}) {
    this.#database = new BrowserDatabase(options.database ?? DEFAULT_DATABASE);
    this.#maxRemembered = options.maxRemembered ?? MAX_REMEMBERED;
  }

  async get(id: string): Promise<Uint8Array | undefined> {
    const stored = (await this.#database.get('keycerts', id)) as StoredKeycert | undefined;
    return stored?.bytes;
  }

  /** Keeps the higher epoch, whichever page learned it. */
  async put(id: string, keycert: Uint8Array): Promise<void> {
    const epoch = epochOf(keycert);
    await this.#database.transact('keycerts', 'readwrite', (objects) => {
      const request = objects.get(id) as IDBRequest<StoredKeycert | undefined>;
      request.onsuccess = () => {
        const known = request.result;
        if (known !== undefined && epochOf(known.bytes) >= epoch) return;
        objects.put({ bytes: keycert.slice(), learnedAtMs: Date.now() } satisfies StoredKeycert, id);
        const counting = objects.count();
        counting.onsuccess = () => forgetOldest(objects, counting.result - this.#maxRemembered);
      };
    });
  }
}

function forgetOldest(objects: IDBObjectStore, count: number): void {
  if (count <= 0) return;
  const request = objects.index('learnedAtMs').getAllKeys(undefined, count);
  request.onsuccess = () => {
    for (const key of request.result) objects.delete(key);
  };
}

function epochOf(keycert: Uint8Array): number {
  return new DataView(keycert.buffer, keycert.byteOffset, keycert.byteLength).getUint32(EPOCH_OFFSET);
}

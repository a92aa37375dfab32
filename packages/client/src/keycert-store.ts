/**
 * How an identity came to be known: this client dialed it or looked it up, or the identity dialed this client and was let
 * in. Whoever may come in may come with any number of identities, so the two are best not counted together.
 */
export type KeycertOrigin = 'dialed' | 'accepted';

/**
 * The newest keycert seen of each identity. It saves the lookup before a dial and lets older keycerts be refused
 * (v1.md, "Identity"). Values are the 132 bytes of a keycert; they are verified again after `get`.
 */
export interface KeycertStore {
  get(id: string): Promise<Uint8Array | undefined> | Uint8Array | undefined;
  put(id: string, keycert: Uint8Array, origin?: KeycertOrigin): Promise<void> | void;
}

const MAX_REMEMBERED = 10_000;

/**
 * Keycerts for the life of a process; the one used longest ago is forgotten beyond 10,000. Those who dial in are
 * remembered while there is room: however many come, they make this client forget nobody.
 */
export class MemoryKeycertStore implements KeycertStore {
  readonly #keycerts = new Map<string, Uint8Array>();

  get(id: string): Uint8Array | undefined {
    const found = this.#keycerts.get(id);
    if (found !== undefined) {
      this.#keycerts.delete(id);
      this.#keycerts.set(id, found);
    }
    return found;
  }

  put(id: string, keycert: Uint8Array, origin?: KeycertOrigin): void {
    const isNew = !this.#keycerts.delete(id);
    const isFull = this.#keycerts.size >= MAX_REMEMBERED;
    if (isNew && isFull && origin === 'accepted') return;
    this.#keycerts.set(id, keycert);
    if (!isFull) return;
    const [oldest] = this.#keycerts.keys();
    this.#keycerts.delete(oldest!);
  }
}

/**
 * The newest keycert seen of each identity. It saves the lookup before a dial and lets older keycerts be refused
 * (v1.md, "Identity"). Values are the 132 bytes of a keycert; they are verified again after `get`.
 */
export interface KeycertStore {
  get(id: string): Promise<Uint8Array | undefined> | Uint8Array | undefined;
  put(id: string, keycert: Uint8Array): Promise<void> | void;
}

const MAX_REMEMBERED = 10_000;

/** Keycerts for the life of a process; the one used longest ago is forgotten beyond 10,000. */
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

  put(id: string, keycert: Uint8Array): void {
    this.#keycerts.delete(id);
    this.#keycerts.set(id, keycert);
    if (this.#keycerts.size > MAX_REMEMBERED) {
      const oldest = this.#keycerts.keys().next().value;
      if (oldest !== undefined) this.#keycerts.delete(oldest);
    }
  }
}

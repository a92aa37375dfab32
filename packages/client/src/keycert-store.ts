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
  /** May be called again with what is known. Default origin: 'dialed'. */
  put(id: string, keycert: Uint8Array, origin?: KeycertOrigin): Promise<void> | void;
}

const MAX_REMEMBERED = 10_000;

/**
 * Keycerts for the life of a process. Beyond 10,000 of one origin the one used longest ago is forgotten: those who dial
 * in, however many they are, make this client forget nobody whom it dialed.
 */
export class MemoryKeycertStore implements KeycertStore {
  readonly #dialed = new Map<string, Uint8Array>();
  readonly #accepted = new Map<string, Uint8Array>();

  get(id: string): Uint8Array | undefined {
    const keycerts = this.#dialed.has(id) ? this.#dialed : this.#accepted;
    const found = keycerts.get(id);
    if (found !== undefined) use(keycerts, id, found);
    return found;
  }

  put(id: string, keycert: Uint8Array, origin: KeycertOrigin = 'dialed'): void {
    const isDialed = origin === 'dialed' || this.#dialed.has(id);
    if (isDialed) this.#accepted.delete(id);
    use(isDialed ? this.#dialed : this.#accepted, id, keycert);
  }
}

/** The order of the map is the order of use. */
function use(keycerts: Map<string, Uint8Array>, id: string, keycert: Uint8Array): void {
  keycerts.delete(id);
  keycerts.set(id, keycert);
  if (keycerts.size <= MAX_REMEMBERED) return;
  const oldest = keycerts.keys().next().value;
  if (oldest !== undefined) keycerts.delete(oldest);
}

/** What a name stood for when it was first used at a relay. */
export interface NamePin {
  readonly id: string;
  readonly service: string;
}

/**
 * Pins of names, keyed by (relay id, name): a name is a hint of one relay, and its answer must not change silently
 * (v1.md, "Names").
 */
export interface PinStore {
  get(relayId: string, name: string): Promise<NamePin | undefined> | NamePin | undefined;
  put(relayId: string, name: string, pin: NamePin): Promise<void> | void;
}

/** Pins for the life of a process. */
export class MemoryPinStore implements PinStore {
  readonly #pins = new Map<string, NamePin>();

  get(relayId: string, name: string): NamePin | undefined {
    return this.#pins.get(`${relayId} ${name}`);
  }

  put(relayId: string, name: string, pin: NamePin): void {
    this.#pins.set(`${relayId} ${name}`, pin);
  }
}

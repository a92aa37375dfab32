import type { KnownPeers } from '../peers/known-peers.js';

/** The user's pinned names by the ids that they stand for, as the file was at the last look. */
export class AliasBook {
  readonly #peers: KnownPeers;
  #names: ReadonlyMap<string, string> = new Map();
  #isReading = false;

  constructor(peers: KnownPeers) {
    this.#peers = peers;
  }

  nameOf(id: string): string | undefined {
    return this.#names.get(id);
  }

  /** Reads the file if it changed; the answer counts from the next look on. */
  refresh(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#read()
      // Whoever needs the file says what is wrong with it; here ids alone do.
      .catch(() => undefined)
      .finally(() => {
        this.#isReading = false;
      });
  }

  async #read(): Promise<void> {
    const { pins } = await this.#peers.state();
    this.#names = new Map([...pins.values()].map(({ id, name }) => [id, name]));
  }
}

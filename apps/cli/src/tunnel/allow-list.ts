import type { AllowEntry } from './allow-entry.js';

/** A peer whose keys were just proven. */
export interface PeerFacts {
  readonly id: string;
  /** Epoch of the keys that it used; undefined where it is not known. */
  readonly epoch?: number | undefined;
}

/** Who may connect: nobody, unless by name in one of the sources or because anybody may. */
export class AllowList {
  readonly #fixed: ReadonlyMap<string, number>;
  readonly #anybody: boolean;
  #fromFile: ReadonlyMap<string, number> = new Map();

  constructor(options: { readonly entries: readonly AllowEntry[]; readonly anybody: boolean }) {
    this.#fixed = strictest(options.entries);
    this.#anybody = options.anybody;
  }

  /** Replaces what came from the file. */
  replaceFileEntries(entries: readonly AllowEntry[]): void {
    this.#fromFile = strictest(entries);
  }

  /** True if nobody can connect as things are. */
  get isEmpty(): boolean {
    return !this.#anybody && this.#fixed.size === 0 && this.#fromFile.size === 0;
  }

  /** True if the id is listed, whoever else may connect. */
  names(id: string): boolean {
    return this.#fixed.has(id) || this.#fromFile.has(id);
  }

  /** Undefined if the peer may connect, else the reason for the owner's log and for the peer. */
  refusal(peer: PeerFacts): string | undefined {
    const minimum = Math.max(this.#fixed.get(peer.id) ?? -1, this.#fromFile.get(peer.id) ?? -1);
    if (minimum < 0) return this.#anybody ? undefined : 'not allowed';
    if (minimum > 0 && (peer.epoch === undefined || peer.epoch < minimum)) return `keys older than epoch ${minimum}`;
    return undefined;
  }
}

/** Of several entries for one id the highest minimum counts. */
function strictest(entries: readonly AllowEntry[]): ReadonlyMap<string, number> {
  const map = new Map<string, number>();
  for (const entry of entries) map.set(entry.id, Math.max(entry.minEpoch, map.get(entry.id) ?? 0));
  return map;
}

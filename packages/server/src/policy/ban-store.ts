import type { Awaitable } from '../lease-store.js';
import type { Ban, BanKind } from './ban.js';

/** Where bans are kept. What `put` and `remove` have answered is kept, also when the process is killed. */
export interface BanStore {
  /** All of them, in any order. Called once, before anybody is served. */
  load(): Awaitable<readonly Ban[]>;
  /** Adds a ban, or replaces the one of the same kind and value. */
  put(ban: Ban): Awaitable<void>;
  remove(kind: BanKind, value: string): Awaitable<void>;
}

/** Bans of one process: they are gone with it. */
export class MemoryBanStore implements BanStore {
  load(): readonly Ban[] {
    return [];
  }

  // The list itself remembers them.
  put(): void {}

  remove(): void {}
}

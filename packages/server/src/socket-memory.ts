import { type MemoryBudget, type Placed, PlaceList } from '@sealane/mux';

/** A socket that holds bytes: a message that is not whole, or what its peer has not taken yet. */
export interface SocketHolder extends Placed {
  /** What it holds, counted here: 0 for a new one. */
  heldBytes: number;
  /** Ends the socket at once. */
  drop(): void;
}

/**
 * What sockets hold outside of all windows. It counts in the process budget, and may take a part of it: above that the
 * socket goes that has made no progress for the longest time, so that slow sockets never cost others their streams.
 */
export class SocketMemory {
  /** What all sockets may hold together. */
  limitBytes: number;
  readonly #budget: MemoryBudget;
  /** In the order of their last progress. */
  readonly #holders: PlaceList<SocketHolder> = new PlaceList();
  #usedBytes = 0;

  constructor(limitBytes: number, budget: MemoryBudget) {
    this.limitBytes = limitBytes;
    this.#budget = budget;
  }

  /** Another limit from now on; sockets go until it holds. */
  setLimit(limitBytes: number): void {
    this.limitBytes = limitBytes;
    if (this.#usedBytes > limitBytes) this.#relieve();
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The socket holds `delta` bytes more, or fewer. */
  change(holder: SocketHolder, delta: number): void {
    if (delta === 0) return;
    const before = holder.heldBytes;
    holder.heldBytes += delta;
    if (holder.heldBytes <= 0) this.#holders.remove(holder);
    else if (before <= 0) this.#holders.put(holder);
    this.#usedBytes += delta;
    if (delta < 0) this.#budget.release(-delta);
    else this.#budget.take(delta);
    if (delta > 0 && this.#usedBytes > this.limitBytes) this.#relieve();
  }

  /** The peer took something, or finished its message. */
  progress(holder: SocketHolder): void {
    if (holder.heldBytes > 0) this.#holders.put(holder);
  }

  forget(holder: SocketHolder): void {
    this.change(holder, -holder.heldBytes);
  }

  #relieve(): void {
    for (let { first: holder } = this.#holders; holder !== undefined; holder = this.#holders.first) {
      this.forget(holder);
      holder.drop();
      if (this.#usedBytes <= this.limitBytes) return;
    }
  }
}

import type { MemoryBudget } from '@sealane/mux';

/** A socket that holds bytes: a message that is not whole, or what its peer has not taken yet. */
export interface SocketHolder {
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
  readonly #holders = new Map<SocketHolder, number>();
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
    const bytes = (this.#holders.get(holder) ?? 0) + delta;
    if (bytes > 0) this.#holders.set(holder, bytes);
    else this.#holders.delete(holder);
    this.#usedBytes += delta;
    if (delta < 0) this.#budget.release(-delta);
    else this.#budget.take(delta);
    if (delta > 0 && this.#usedBytes > this.limitBytes) this.#relieve();
  }

  /** The peer took something, or finished its message. */
  progress(holder: SocketHolder): void {
    const bytes = this.#holders.get(holder);
    if (bytes === undefined) return;
    this.#holders.delete(holder);
    this.#holders.set(holder, bytes);
  }

  forget(holder: SocketHolder): void {
    this.change(holder, -(this.#holders.get(holder) ?? 0));
  }

  #relieve(): void {
    for (const holder of this.#holders.keys()) {
      this.forget(holder);
      holder.drop();
      if (this.#usedBytes <= this.limitBytes) return;
    }
  }
}

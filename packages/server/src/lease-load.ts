/** Something that goes on under a lease and can be ended with it. */
export interface LeaseUse {
  /** The same process came back on another link: what it had accepted on the old one is over. */
  endWithLease(): void;
}

/** Most leases are idle, and share it. */
const none: ReadonlySet<LeaseUse> = new Set();

/** What dialers ask of a lease. */
export class LeaseLoad {
  /** CONNECTs that wait for the owner's answer. */
  waiting = 0;
  #uses: Set<LeaseUse> | undefined;

  /** In the order in which they began. */
  get uses(): ReadonlySet<LeaseUse> {
    return this.#uses ?? none;
  }

  add(use: LeaseUse): void {
    this.#uses ??= new Set();
    this.#uses.add(use);
  }

  remove(use: LeaseUse): void {
    this.#uses?.delete(use);
    if (this.#uses?.size === 0) this.#uses = undefined;
  }
}

import type { Awaitable } from '../lease-store.js';

/** Leases that operators approved, by owner and service. Every method is one atomic step. */
export interface ApprovalStore {
  isApproved(id: string, service: string): Awaitable<boolean>;
  /** Its leases that wait are let in at once. Without a service: all of the identity's. */
  approve(id: string, service?: string): Awaitable<void>;
  /** What it has open ends at once; false where it was not approved in this way. */
  withdraw(id: string, service?: string): Awaitable<boolean>;
  /** Calls back with every identity about which something was decided. */
  watch(onChange: (id: string) => void): void;
}

/** Approvals in the memory of one process. */
export class MemoryApprovalStore implements ApprovalStore {
  readonly #approved = new Set<string>();
  #onChange: (id: string) => void = () => undefined;

  isApproved(id: string, service: string): boolean {
    return this.#approved.has(keyOf(id)) || this.#approved.has(keyOf(id, service));
  }

  approve(id: string, service?: string): void {
    const key = keyOf(id, service);
    if (this.#approved.has(key)) return;
    this.#approved.add(key);
    this.#onChange(id);
  }

  withdraw(id: string, service?: string): boolean {
    if (!this.#approved.delete(keyOf(id, service))) return false;
    this.#onChange(id);
    return true;
  }

  watch(onChange: (id: string) => void): void {
    this.#onChange = onChange;
  }
}

function keyOf(id: string, service?: string): string {
  return service === undefined ? id : `${id}/${service}`;
}

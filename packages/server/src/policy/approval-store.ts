import type { Awaitable } from '../lease-store.js';

/** What an operator decided about a lease, or a dialer. */
export type ApprovalState =
  | { readonly is: 'approved' }
  /** `reason` is told to whom it concerns; empty: none. */
  | { readonly is: 'denied'; readonly reason: string }
  | { readonly is: 'undecided' };

/**
 * What operators decided about leases, by owner and service, or about all of an identity. What was decided about a service
 * goes before what was decided about all; a decision about all takes the place of earlier ones about services. Every
 * method is one atomic step.
 */
export interface ApprovalStore {
  stateOf(id: string, service: string): Awaitable<ApprovalState>;
  /** Its leases that wait are let in. Without a service: all of the identity's. */
  approve(id: string, service?: string): Awaitable<void>;
  /** What it has open ends at once, and what waits is refused. At most 200 characters of reason. */
  deny(id: string, service?: string, reason?: string): Awaitable<void>;
  /** Takes a decision back: what was let in by it ends at once and waits again. False where there was none. */
  withdraw(id: string, service?: string): Awaitable<boolean>;
  /** Calls back with every identity about which something was decided. */
  watch(onChange: (id: string) => void): void;
}

const approved: ApprovalState = { is: 'approved' };
const undecided: ApprovalState = { is: 'undecided' };

/** Decisions in the memory of one process. */
export class MemoryApprovalStore implements ApprovalStore {
  /** By identity, then service; ALL stands for every service. */
  readonly #decided = new Map<string, Map<string, ApprovalState>>();
  #onChange: (id: string) => void = () => undefined;

  stateOf(id: string, service: string): ApprovalState {
    const ofId = this.#decided.get(id);
    return ofId?.get(service) ?? ofId?.get(ALL) ?? undecided;
  }

  approve(id: string, service?: string): void {
    this.#decide(id, service, approved);
  }

  deny(id: string, service?: string, reason = ''): void {
    this.#decide(id, service, { is: 'denied', reason });
  }

  withdraw(id: string, service: string = ALL): boolean {
    const ofId = this.#decided.get(id);
    if (ofId?.delete(service) !== true) return false;
    if (ofId.size === 0) this.#decided.delete(id);
    this.#onChange(id);
    return true;
  }

  watch(onChange: (id: string) => void): void {
    this.#onChange = onChange;
  }

  #decide(id: string, service: string | undefined, state: ApprovalState): void {
    const ofId = service === undefined ? undefined : this.#decided.get(id);
    this.#decided.set(id, (ofId ?? new Map()).set(service ?? ALL, state));
    this.#onChange(id);
  }
}

/** No service is called so. */
const ALL = '*';

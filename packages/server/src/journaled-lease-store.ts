import type { Clock } from '@sealane/types';
import type { ClaimOptions, ClaimResult, LeaseRecord, LeaseStore, PublicPage } from './lease-store.js';
import type { RelayLimits } from './limits.js';
import { MemoryLeaseStore } from './memory-lease-store.js';
import type { NameJournal } from './name-journal.js';

/** Leases in memory, whose names outlive the process: a lease with a name is in force for its owner when that is safe. */
class JournaledLeaseStore implements LeaseStore {
  readonly #memory: MemoryLeaseStore;
  readonly #journal: NameJournal;

  constructor(memory: MemoryLeaseStore, journal: NameJournal) {
    this.#memory = memory;
    this.#journal = journal;
  }

  get leaseCount(): number {
    return this.#memory.leaseCount;
  }

  get nameCount(): number {
    return this.#memory.nameCount;
  }

  find(identity: Uint8Array, service: string): LeaseRecord | undefined {
    return this.#memory.find(identity, service);
  }

  findName(name: string): LeaseRecord | undefined {
    return this.#memory.findName(name);
  }

  async claim(record: LeaseRecord, options: ClaimOptions): Promise<ClaimResult> {
    const result = this.#memory.claim(record, options);
    // All of them in the order in which they were made, those without a name as well: who comes later wins.
    await this.#journal.settled();
    return result;
  }

  renew(identity: Uint8Array, service: string, holder: string, sequence: number): LeaseRecord | undefined {
    return this.#memory.renew(identity, service, holder, sequence);
  }

  release(identity: Uint8Array, service: string, holder: string): boolean {
    return this.#memory.release(identity, service, holder);
  }

  expire(): readonly LeaseRecord[] {
    return this.#journal.together(() => this.#memory.expire());
  }

  listPublic(cursor: string | undefined, limit: number): PublicPage {
    return this.#memory.listPublic(cursor, limit);
  }
}

/** The store of a relay that was given none. */
export function createLeaseStore(limits: RelayLimits, clock: Clock, journal: NameJournal | undefined): LeaseStore {
  const memory = new MemoryLeaseStore(limits, clock, journal);
  return journal === undefined ? memory : new JournaledLeaseStore(memory, journal);
}

import type { Clock } from '@sealane/types';
import { leaseKey } from './lease-key.js';
import type { ClaimOptions, ClaimResult, LeaseRecord, LeaseStore, PublicPage } from './lease-store.js';
import type { RelayLimits } from './limits.js';
import type { NameJournal } from './name-journal.js';
import { SortedKeys } from './sorted-keys.js';

/** What a lease costs beside its metadata and signed bytes: its other fields, and its places in the maps. */
const LEASE_BYTES = 2_048;

interface HeldLease {
  readonly record: LeaseRecord;
  endsAtMs: number;
}

interface HeldName {
  readonly id: string;
  /** Key of the lease that uses the name now, or undefined while it is only kept for its owner. */
  leaseKey: string | undefined;
  keptUntilMs: number;
}

interface LastSequence {
  readonly sequence: number;
  keptUntilMs: number;
}

/** Leases in the memory of one process: everything is gone with it, and owners register again. */
export class MemoryLeaseStore implements LeaseStore {
  readonly #limits: RelayLimits;
  readonly #clock: Clock;
  readonly #leases = new Map<string, HeldLease>();
  readonly #names = new Map<string, HeldName>();
  /** Of ended leases, in the order in which they ended. */
  readonly #sequences = new Map<string, LastSequence>();
  /** Keys of the leases that are public. */
  readonly #public = new SortedKeys();
  readonly #leasesOf = new Map<string, number>();
  readonly #namesOf = new Map<string, number>();
  readonly #journal: NameJournal | undefined;
  #leaseBytes = 0;

  /** `limits` are read at every use: they may change. */
  constructor(limits: RelayLimits, clock: Clock, journal?: NameJournal) {
    this.#limits = limits;
    this.#clock = clock;
    this.#journal = journal;
    for (const { name, id, keptUntilMs } of journal?.load() ?? []) this.#restoreName(name, id, keptUntilMs);
  }

  get leaseCount(): number {
    return this.#leases.size;
  }

  get nameCount(): number {
    return this.#names.size;
  }

  find(identity: Uint8Array, service: string): LeaseRecord | undefined {
    return this.#inForce(leaseKey(identity, service))?.record;
  }

  findName(name: string): LeaseRecord | undefined {
    const key = this.#names.get(name)?.leaseKey;
    return key === undefined ? undefined : this.#inForce(key)?.record;
  }

  claim(record: LeaseRecord, options: ClaimOptions): ClaimResult {
    const key = leaseKey(record.identity, record.service);
    const current = this.#inForce(key)?.record;
    // A lease whose time ran out since the last sweep still has its number and its place.
    const last = this.#leases.get(key)?.record;
    const lastSequence = last?.sequence ?? this.#sequences.get(key)?.sequence ?? -1;
    if (record.sequence <= lastSequence) return { ok: false, reason: 'stale', sequence: lastSequence };
    if (current !== undefined && current.holder !== options.replaces) return { ok: false, reason: 'held', current };
    const refusal = this.#refuse(record, key, last);
    if (refusal !== undefined) return { ok: false, reason: refusal };
    // Before anything is changed: it may throw.
    if (record.name !== null) this.#journalUse(record.name, record.id, key);
    if (last === undefined) add(this.#leasesOf, record.id, 1);
    else {
      this.#leaseBytes -= bytesOf(last);
      if (last.name !== record.name) this.#keepName(last);
    }
    this.#leaseBytes += bytesOf(record);
    this.#sequences.delete(key);
    if (record.signed === null) this.#public.delete(key);
    else this.#public.add(key);
    this.#leases.set(key, { record, endsAtMs: this.#clock.nowMs() + record.ttlMs });
    if (record.name !== null) this.#useName(record.name, record.id, key);
    return { ok: true, previous: current };
  }

  renew(identity: Uint8Array, service: string, holder: string, sequence: number): LeaseRecord | undefined {
    const held = this.#inForce(leaseKey(identity, service));
    if (held === undefined || held.record.holder !== holder || held.record.sequence !== sequence) return undefined;
    held.endsAtMs = this.#clock.nowMs() + held.record.ttlMs;
    return held.record;
  }

  release(identity: Uint8Array, service: string, holder: string): boolean {
    const key = leaseKey(identity, service);
    const held = this.#inForce(key);
    if (held === undefined || held.record.holder !== holder) return false;
    this.#end(key, held.record);
    return true;
  }

  expire(): readonly LeaseRecord[] {
    const nowMs = this.#clock.nowMs();
    const ended: LeaseRecord[] = [];
    for (const [key, { record, endsAtMs }] of this.#leases) {
      if (endsAtMs > nowMs) continue;
      this.#end(key, record);
      ended.push(record);
    }
    for (const [name, held] of this.#names) {
      if (held.leaseKey === undefined && held.keptUntilMs <= nowMs) this.#forgetName(name, held);
    }
    for (const [key, { keptUntilMs }] of this.#sequences) {
      if (keptUntilMs > nowMs) break;
      this.#sequences.delete(key);
    }
    return ended;
  }

  listPublic(cursor: string | undefined, limit: number): PublicPage {
    const records: { cursor: string; record: LeaseRecord }[] = [];
    let last = cursor;
    let lookedAt = 0;
    for (const key of this.#public.after(cursor)) {
      if (lookedAt === limit) return { records, next: last };
      lookedAt += 1;
      last = key;
      const record = this.#inForce(key)?.record;
      if (record !== undefined) records.push({ cursor: key, record });
    }
    return { records, next: undefined };
  }

  #inForce(key: string): HeldLease | undefined {
    const held = this.#leases.get(key);
    if (held === undefined || held.endsAtMs > this.#clock.nowMs()) return held;
    return undefined;
  }

  #refuse(
    record: LeaseRecord,
    key: string,
    last: LeaseRecord | undefined,
  ): 'name-taken' | 'leases' | 'names' | 'full' | undefined {
    if (last === undefined) {
      if ((this.#leasesOf.get(record.id) ?? 0) >= this.#limits.leasesPerIdentity) return 'leases';
      if (this.#leases.size >= this.#limits.maxLeases) return 'full';
    }
    const grownBytes = bytesOf(record) - (last === undefined ? 0 : bytesOf(last));
    if (grownBytes > 0 && this.#leaseBytes + grownBytes > this.#limits.maxLeaseBytes) return 'full';
    if (record.name === null) return undefined;
    const held = this.#names.get(record.name);
    if (held === undefined || (held.leaseKey === undefined && held.keptUntilMs <= this.#clock.nowMs())) {
      if ((this.#namesOf.get(record.id) ?? 0) >= this.#limits.namesPerIdentity) return 'names';
      return held === undefined && this.#names.size >= this.#limits.maxNames ? 'full' : undefined;
    }
    // Two services of one identity do not share a name: what clients pin is (id, service).
    const isUsedElsewhere =
      held.leaseKey !== undefined && held.leaseKey !== key && this.#inForce(held.leaseKey) !== undefined;
    return held.id !== record.id || isUsedElsewhere ? 'name-taken' : undefined;
  }

  #end(key: string, record: LeaseRecord): void {
    const nowMs = this.#clock.nowMs();
    this.#leases.delete(key);
    this.#public.delete(key);
    this.#leaseBytes -= bytesOf(record);
    add(this.#leasesOf, record.id, -1);
    this.#keepName(record);
    this.#sequences.set(key, { sequence: record.sequence, keptUntilMs: nowMs + this.#limits.nameGraceMs });
    if (this.#sequences.size > this.#limits.maxLeases) {
      for (const oldest of this.#sequences.keys()) {
        this.#sequences.delete(oldest);
        break;
      }
    }
  }

  #useName(name: string, id: string, key: string): void {
    const held = this.#names.get(name);
    if (held !== undefined && held.id === id) {
      held.leaseKey = key;
      return;
    }
    // Its journal entry is the new owner's already.
    if (held !== undefined) this.#removeName(name, held);
    this.#names.set(name, { id, leaseKey: key, keptUntilMs: 0 });
    add(this.#namesOf, id, 1);
  }

  #journalUse(name: string, id: string, key: string): void {
    const held = this.#names.get(name);
    if (held?.id !== id || held.leaseKey !== key) this.#journal?.use(name, id);
  }

  #keepName(record: LeaseRecord): void {
    const held = record.name === null ? undefined : this.#names.get(record.name);
    if (held === undefined || held.leaseKey !== leaseKey(record.identity, record.service)) return;
    held.leaseKey = undefined;
    held.keptUntilMs = this.#clock.nowMs() + this.#limits.nameGraceMs;
    if (record.name !== null) {
      this.#journal?.keep(record.name, held.id, this.#clock.wallMs() + this.#limits.nameGraceMs);
    }
  }

  #restoreName(name: string, id: string, keptUntilMs: number | null): void {
    const leftMs = keptUntilMs === null ? this.#limits.nameGraceMs : keptUntilMs - this.#clock.wallMs();
    this.#names.set(name, { id, leaseKey: undefined, keptUntilMs: this.#clock.nowMs() + leftMs });
    add(this.#namesOf, id, 1);
  }

  #forgetName(name: string, held: HeldName): void {
    this.#removeName(name, held);
    this.#journal?.forget(name);
  }

  #removeName(name: string, held: HeldName): void {
    this.#names.delete(name);
    add(this.#namesOf, held.id, -1);
  }
}

function bytesOf({ metadata, signed }: LeaseRecord): number {
  return LEASE_BYTES + metadata.length + (signed === null ? 0 : signed.lease.length);
}

function add(counts: Map<string, number>, key: string, delta: number): void {
  const count = (counts.get(key) ?? 0) + delta;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

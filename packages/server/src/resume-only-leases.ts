import { RelayCode, relayError } from '@sealane/types';
import { leaseKey } from './lease-key.js';
import { LeaseLoad } from './lease-load.js';
import type { ServedLease } from './lease-manager.js';
import type { LeaseRecord } from './lease-store.js';
import type { RelayLink } from './link.js';
import type { AdmissionLimits } from './policy/admission.js';
import type { RelayConfig } from './relay-config.js';

/** How long a relay expects an owner back whose link ended. */
const EXPECTED_MS = 5_000;

/** Text that tells one process of an owner's service from the others. */
export function instanceKey(identity: Uint8Array, service: string, instance: Uint8Array): string {
  return `${leaseKey(identity, service)} ${Buffer.from(instance).toString('latin1')}`;
}

/**
 * Leases of listeners that closed while their sessions live (v1.md, "Instances"): found by instance, in conflict with
 * nothing. Also remembers which instances lost their links lately, since they are likely to come back.
 */
export class ResumeOnlyLeases {
  readonly #config: RelayConfig;
  readonly #served = new Map<string, ServedLease>();
  readonly #byLink = new Map<RelayLink, Set<ServedLease>>();
  /** Clock time at which the link of an instance ended, in that order. */
  readonly #gone = new Map<string, number>();

  constructor(config: RelayConfig) {
    this.#config = config;
  }

  get size(): number {
    return this.#served.size;
  }

  /** Puts a lease in force. @throws ERR_RELAY_LIMIT, _LEASE_STALE */
  register(link: RelayLink, record: LeaseRecord, granted?: AdmissionLimits): ServedLease {
    const { limits, clock } = this.#config;
    const key = instanceKey(record.identity, record.service, record.instance);
    const before = this.#served.get(key);
    if (before !== undefined && before.record.sequence >= record.sequence) {
      const details = { value: before.record.sequence };
      throw relayError(RelayCode.LEASE_STALE, undefined, { details });
    }
    const ofLink = this.#byLink.get(link) ?? new Set();
    const isNew = before?.link !== link;
    if (isNew && (ofLink.size >= limits.leasesPerIdentity || this.#served.size >= limits.maxLeases)) {
      throw relayError(RelayCode.LIMIT, 'too many leases for resuming alone');
    }
    const endsAtMs = clock.nowMs() + record.ttlMs;
    const load = before?.load ?? new LeaseLoad();
    const served: ServedLease = { key, record, link, endsAtMs, load, limits: granted, connects: undefined };
    if (before !== undefined) this.#drop(before);
    this.#served.set(key, served);
    ofLink.add(served);
    this.#byLink.set(link, ofLink);
    return served;
  }

  /** The lease that this link holds for the service under the sequence number. */
  held(link: RelayLink, service: string, sequence: number): ServedLease | undefined {
    for (const served of this.#byLink.get(link) ?? []) {
      if (served.record.service === service && served.record.sequence === sequence) return served;
    }
    return undefined;
  }

  of(link: RelayLink): readonly ServedLease[] {
    return [...(this.#byLink.get(link) ?? [])];
  }

  find(key: string): ServedLease | undefined {
    const served = this.#served.get(key);
    return served?.link.isUp === true && served.endsAtMs > this.#config.clock.nowMs() ? served : undefined;
  }

  release(served: ServedLease): void {
    this.#drop(served);
  }

  /** The link is gone, and with it what it held; `records` are its other leases. */
  removeLink(link: RelayLink, records: readonly LeaseRecord[]): void {
    const nowMs = this.#config.clock.nowMs();
    const own = [...(this.#byLink.get(link) ?? [])];
    for (const { identity, service, instance } of [...records, ...own.map(({ record }) => record)]) {
      const key = instanceKey(identity, service, instance);
      this.#gone.delete(key);
      this.#gone.set(key, nowMs);
    }
    for (const served of own) this.#drop(served);
  }

  /** The instance's link ended in the last moments. */
  isExpected(key: string): boolean {
    const goneMs = this.#gone.get(key);
    return goneMs !== undefined && this.#config.clock.nowMs() - goneMs < EXPECTED_MS;
  }

  /** About once a second. */
  expire(): void {
    const nowMs = this.#config.clock.nowMs();
    for (const served of this.#served.values()) if (served.endsAtMs <= nowMs) this.#drop(served);
    for (const [key, goneMs] of this.#gone) {
      if (nowMs - goneMs < EXPECTED_MS) break;
      this.#gone.delete(key);
    }
  }

  #drop(served: ServedLease): void {
    if (this.#served.get(served.key) === served) this.#served.delete(served.key);
    const ofLink = this.#byLink.get(served.link);
    ofLink?.delete(served);
    if (ofLink?.size === 0) this.#byLink.delete(served.link);
  }
}

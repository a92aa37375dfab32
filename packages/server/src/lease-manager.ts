import { LeaseFlag, MessageKind, RelayCode, relayError, SupersededBy } from '@sealane/types';
import type { LeaseEndReason } from './event.js';
import { leaseKey } from './lease-key.js';
import { LeaseLoad } from './lease-load.js';
import type { ClaimResult, LeaseRecord, LeaseStore } from './lease-store.js';
import type { RelayLink } from './link.js';
import type { AdmissionLimits } from './policy/admission.js';
import type { RelayConfig } from './relay-config.js';
import { instanceKey, ResumeOnlyLeases } from './resume-only-leases.js';
import { TokenBucket } from './token-bucket.js';

/** A lease that a live link of this relay serves. */
export interface ServedLease {
  readonly key: string;
  readonly record: LeaseRecord;
  readonly link: RelayLink;
  endsAtMs: number;
  /** Shared with the same link's earlier leases for the service, whose requests go on. */
  readonly load: LeaseLoad;
  /** What the policy granted it. */
  limits: AdmissionLimits | undefined;
  /** Where that is a number of requests for a connection per second. */
  connects: TokenBucket | undefined;
}

/** More rounds than two processes need that fight for one lease. */
const MAX_CLAIM_ROUNDS = 4;

/** Which link serves which lease, who may take one over, and when it ends. */
export class LeaseManager {
  readonly #config: RelayConfig;
  readonly #store: LeaseStore;
  readonly #served = new Map<string, ServedLease>();
  readonly #byLink = new Map<RelayLink, ServedLease[]>();
  readonly #links = new Map<string, RelayLink>();
  readonly #resumeOnly: ResumeOnlyLeases;
  /** A process of an owner can be reached, under this key of its instance. */
  onServed: (key: string, lease: ServedLease) => void = () => undefined;

  /** Each lease once when it is served, and once when it is no longer. */
  onCount: (lease: ServedLease, delta: 1 | -1) => void = () => undefined;

  constructor(config: RelayConfig, store: LeaseStore) {
    this.#config = config;
    this.#store = store;
    this.#resumeOnly = new ResumeOnlyLeases(config);
  }

  get store(): LeaseStore {
    return this.#store;
  }

  addLink(link: RelayLink): void {
    this.#links.set(link.id, link);
  }

  /** The lease to forward to: in force, and served by a link that is up. */
  route(identity: Uint8Array, service: string): ServedLease | undefined {
    return this.#usable(this.#served.get(leaseKey(identity, service)));
  }

  /** The lease of one process of an owner, be it for resuming alone. */
  routeInstance(identity: Uint8Array, service: string, instance: Uint8Array): ServedLease | undefined {
    const served = this.route(identity, service);
    if (served !== undefined && sameBytes(served.record.instance, instance)) return served;
    return this.#resumeOnly.find(instanceKey(identity, service, instance));
  }

  /** The link of that process ended in the last moments. */
  isExpected(identity: Uint8Array, service: string, instance: Uint8Array): boolean {
    return this.#resumeOnly.isExpected(instanceKey(identity, service, instance));
  }

  async routeByName(name: string): Promise<ServedLease | undefined> {
    const record = await this.#store.findName(name);
    return record === undefined ? undefined : this.route(record.identity, record.service);
  }

  /**
   * Puts a lease in force for `link`, over an older one where the rules allow it (v1.md, "Instances").
   * @throws ERR_RELAY_LEASE_IN_USE, _LEASE_STALE (`value`: the stored sequence), _NAME_TAKEN, _LIMIT, _BUSY
   */
  async register(link: RelayLink, record: LeaseRecord, takeOver: boolean, limits?: AdmissionLimits): Promise<void> {
    if ((record.flags & LeaseFlag.RESUME_ONLY) !== 0) {
      const served = this.#resumeOnly.register(link, record, limits);
      this.onServed(served.key, served);
      return;
    }
    const result = await this.#claim(link, record, takeOver);
    if (!link.isUp) {
      // It went while it waited for another instance's answer: nobody would renew this lease.
      await this.#store.release(record.identity, record.service, link.id);
      return;
    }
    const key = leaseKey(record.identity, record.service);
    const before = this.#served.get(key);
    if (before !== undefined && before.link !== link) this.#supersede(before, record);
    this.#serve({
      key,
      record,
      link,
      endsAtMs: this.#config.clock.nowMs() + record.ttlMs,
      load: before?.link === link ? before.load : new LeaseLoad(),
      limits,
      connects: this.#bucketOf(limits, before),
    });
    const { id, service, name, ttlMs } = result.previous === undefined ? record : { ...result.previous, ...record };
    this.#config.reporter.event({ type: 'lease', link: link.id, id, service, name, ttlMs });
  }

  /** @throws ERR_RELAY_NO_LEASE */
  async renew(link: RelayLink, service: string, sequence: number): Promise<LeaseRecord> {
    const forResuming = this.#resumeOnly.held(link, service, sequence);
    if (forResuming !== undefined) {
      forResuming.endsAtMs = this.#config.clock.nowMs() + forResuming.record.ttlMs;
      return forResuming.record;
    }
    const held = this.#served.get(leaseKey(link.clientKey, service));
    // The longest time was lowered: the owner registers again, and is granted what holds now.
    if (held !== undefined && held.record.ttlMs > this.#config.limits.leaseTtlMaxMs)
      throw relayError(RelayCode.NO_LEASE);
    const record = await this.#store.renew(link.clientKey, service, link.id, sequence);
    const served = this.#served.get(leaseKey(link.clientKey, service));
    if (record === undefined || served?.link !== link) throw relayError(RelayCode.NO_LEASE);
    served.endsAtMs = this.#config.clock.nowMs() + record.ttlMs;
    return record;
  }

  /** @throws ERR_RELAY_NO_LEASE */
  async release(link: RelayLink, service: string, sequence: number): Promise<void> {
    const forResuming = this.#resumeOnly.held(link, service, sequence);
    if (forResuming !== undefined) {
      this.#resumeOnly.release(forResuming);
      return;
    }
    const served = this.#served.get(leaseKey(link.clientKey, service));
    if (served?.link !== link || served.record.sequence !== sequence) throw relayError(RelayCode.NO_LEASE);
    this.#drop(served, 'released');
    await this.#store.release(link.clientKey, service, link.id);
  }

  /** What the link holds, leases for resuming alone among it. */
  of(link: RelayLink): readonly ServedLease[] {
    return [...(this.#byLink.get(link) ?? []), ...this.#resumeOnly.of(link)];
  }

  /** Other limits for a lease that is in force; sessions beyond them end, the newest first. */
  limit(served: ServedLease, limits: AdmissionLimits | undefined): void {
    served.connects = this.#bucketOf(limits, served);
    served.limits = limits;
    const most = limits?.sessions ?? Number.POSITIVE_INFINITY;
    for (const use of [...served.load.uses].slice(most)) use.endWithLease();
  }

  /** The policy does not allow the lease any more: it ends at once, with all that goes on under it. */
  async revoke(served: ServedLease): Promise<void> {
    const { identity, service, holder } = served.record;
    if (served.key === leaseKey(identity, service)) {
      this.#drop(served, 'denied');
      await this.#store.release(identity, service, holder);
    } else {
      this.#resumeOnly.release(served);
    }
    for (const use of [...served.load.uses]) use.endWithLease();
  }

  /** The link is gone. Its leases stay in force for their time, so that their owner takes them back unasked. */
  removeLink(link: RelayLink): void {
    this.#links.delete(link.id);
    const lost = [...(this.#byLink.get(link) ?? [])];
    this.#resumeOnly.removeLink(
      link,
      lost.map(({ record }) => record),
    );
    for (const served of lost) this.#drop(served, 'link-lost');
  }

  /** The leases that links serve now, those for resuming alone not among them. */
  served(): readonly ServedLease[] {
    return [...this.#served.values()];
  }

  /** Ends a lease that is not allowed any more, and what goes on under it. */
  async deny(served: ServedLease): Promise<void> {
    const { identity, service, holder } = served.record;
    this.#drop(served, 'denied');
    for (const use of [...served.load.uses]) use.endWithLease();
    await this.#store.release(identity, service, holder);
  }

  /** About once a second. */
  async expire(): Promise<void> {
    this.#resumeOnly.expire();
    for (const record of await this.#store.expire()) {
      const served = this.#served.get(leaseKey(record.identity, record.service));
      if (served?.record.holder === record.holder && served.record.sequence === record.sequence) {
        this.#drop(served, 'expired');
      }
    }
  }

  async #claim(link: RelayLink, record: LeaseRecord, takeOver: boolean): Promise<Extract<ClaimResult, { ok: true }>> {
    let replaces: string | undefined;
    for (let round = 0; round < MAX_CLAIM_ROUNDS; round++) {
      const result = await this.#store.claim(record, { replaces });
      if (result.ok) return result;
      if (result.reason !== 'held') throw refusalOf(result);
      const { current } = result;
      const holder = this.#links.get(current.holder);
      const isFree =
        holder === undefined || holder === link || takeOver || sameBytes(current.instance, record.instance);
      if (!isFree && (await holder.answersPing(this.#config.limits.takeOverPingMs))) break;
      replaces = current.holder;
    }
    throw relayError(RelayCode.LEASE_IN_USE, 'another process of this identity holds the lease');
  }

  #supersede(before: ServedLease, record: LeaseRecord): void {
    const isSame = sameBytes(before.record.instance, record.instance);
    this.#drop(before, 'superseded');
    const by = isSame ? SupersededBy.SAME_INSTANCE : SupersededBy.OTHER_INSTANCE;
    before.link.send({ kind: MessageKind.SUPERSEDED, service: record.service, by });
    if (isSame) for (const use of [...before.load.uses]) use.endWithLease();
  }

  /** The same one while the rate is the same: a renewal gives no new burst. */
  #bucketOf(limits: AdmissionLimits | undefined, before: ServedLease | undefined): TokenBucket | undefined {
    const rate = limits?.connectsPerSecond;
    if (rate === undefined) return undefined;
    if (before?.connects !== undefined && before.limits?.connectsPerSecond === rate) return before.connects;
    return new TokenBucket(rate, Math.max(1, rate), this.#config.clock.nowMs());
  }

  #serve(served: ServedLease): void {
    const previous = this.#served.get(served.key);
    if (previous !== undefined) {
      this.#unlist(previous);
      this.onCount(previous, -1);
    }
    this.#served.set(served.key, served);
    this.onCount(served, 1);
    const leases = this.#byLink.get(served.link);
    if (leases === undefined) this.#byLink.set(served.link, [served]);
    else leases.push(served);
    const { identity, service, instance } = served.record;
    this.onServed(instanceKey(identity, service, instance), served);
  }

  #drop(served: ServedLease, reason: LeaseEndReason): void {
    this.onCount(served, -1);
    if (this.#served.get(served.key) === served) this.#served.delete(served.key);
    this.#unlist(served);
    const { id, service } = served.record;
    this.#config.reporter.event({ type: 'lease-end', id, service, reason });
  }

  #unlist(served: ServedLease): void {
    const left = (this.#byLink.get(served.link) ?? []).filter((other) => other !== served);
    if (left.length === 0) this.#byLink.delete(served.link);
    else this.#byLink.set(served.link, left);
  }

  #usable(served: ServedLease | undefined): ServedLease | undefined {
    if (served === undefined || !served.link.isUp || served.endsAtMs <= this.#config.clock.nowMs()) return undefined;
    return served;
  }
}

function refusalOf(result: Exclude<ClaimResult, { ok: true } | { reason: 'held' }>): Error {
  switch (result.reason) {
    case 'stale':
      return relayError(RelayCode.LEASE_STALE, undefined, { details: { value: result.sequence } });
    case 'name-taken':
      return relayError(RelayCode.NAME_TAKEN);
    case 'leases':
      return relayError(RelayCode.LIMIT, 'this identity has too many leases');
    case 'names':
      return relayError(RelayCode.LIMIT, 'this identity has too many names');
    case 'full':
      return relayError(RelayCode.BUSY, 'the relay holds as many leases or names as it may');
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

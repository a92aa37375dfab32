import { type MessageKind, RelayCode, relayError, type SealaneError } from '@sealane/types';
import { leaseKey } from '../lease-key.js';
import type { ServedLease } from '../lease-manager.js';
import type { RelayLink } from '../link.js';
import { requestCost } from '../link-rates.js';
import type { LimitedPart } from '../live-limits.js';
import type { RelayConfig } from '../relay-config.js';
import type { TokenBucket } from '../token-bucket.js';
import { ByteGate } from './byte-gate.js';
import { BytePacer } from './byte-pacer.js';
import { type SessionParty, SessionUse, usagesOf } from './session-use.js';
import { msToMidnight, type Usage } from './usage.js';
import { UsageTable } from './usage-table.js';

const MAX_WAIT_MS = 60_000;

/** The limits of addresses, identities and leases (docs/limits.md), and what each of them uses. */
export class UsagePolicy implements LimitedPart {
  readonly addresses: UsageTable;
  readonly identities: UsageTable;
  readonly leases: UsageTable;
  readonly #config: RelayConfig;
  readonly #pacer: BytePacer;
  readonly #parties = new Map<RelayLink, SessionParty>();
  readonly #countedLeases = new Map<ServedLease, readonly Usage[]>();

  constructor(config: RelayConfig) {
    const { limits, clock } = config;
    this.#config = config;
    this.addresses = new UsageTable('address', limits, clock);
    this.identities = new UsageTable('identity', limits, clock);
    this.leases = new UsageTable('lease', limits, clock);
    this.#pacer = new BytePacer(clock);
  }

  /** @throws ERR_RELAY_LIMIT, ERR_RELAY_BUSY (`value`: milliseconds to wait) */
  addLink(link: RelayLink): void {
    const identity = this.identities.of(link.clientId);
    if (identity.open >= identity.limits.open) {
      throw relayError(RelayCode.LIMIT, 'this identity has too many links');
    }
    const refusal = this.#take(identity.fresh, 1, 'this identity opens links too fast');
    if (refusal !== undefined) throw refusal;
    identity.open++;
    this.#parties.set(link, { identity, address: link.origin.usage });
  }

  removeLink(link: RelayLink): void {
    const party = this.#parties.get(link);
    if (party === undefined) return;
    this.#parties.delete(link);
    party.identity.open--;
  }

  /** One request more; else BUSY, with the milliseconds after which one may be answered. */
  ask(link: RelayLink, kind: MessageKind): SealaneError | undefined {
    const party = this.#parties.get(link);
    const cost = requestCost(kind);
    return (
      this.#take(party?.identity.requests, cost, 'too many requests of this identity') ??
      this.#take(party?.address?.requests, cost, 'too many requests of this address')
    );
  }

  /** One CONNECT more; else BUSY. */
  connect(link: RelayLink): SealaneError | undefined {
    const party = this.#parties.get(link);
    return (
      this.#take(party?.identity.connects, 1, 'too many requests per second') ??
      this.#take(party?.address?.connects, 1, 'too many requests per second of this address')
    );
  }

  /** One CONNECT more to a lease; false above its rate. */
  connectTo(lease: ServedLease): boolean {
    const { connects } = this.#ofLease(lease);
    return connects === undefined || connects.tryTake(this.#config.clock.nowMs());
  }

  /** Counts a session for everybody whom it concerns, or says why there may be none (LIMIT). */
  addSession(dialer: RelayLink, lease: ServedLease): SessionUse | string {
    const from = this.#parties.get(dialer);
    const to = this.#parties.get(lease.link);
    if (from === undefined || to === undefined) return 'the link is gone';
    const leaseUsage = this.#ofLease(lease);
    const wallMs = this.#config.clock.wallMs();
    for (const usage of usagesOf(from, to, leaseUsage)) {
      if (usage.sessions >= usage.limits.sessions) return 'too many sessions';
      if (usage.isDayOver(wallMs)) return dayText(wallMs);
    }
    return new SessionUse(from, to, leaseUsage);
  }

  /** Why this link may not put one lease more in force. */
  refuseLease(link: RelayLink): SealaneError | undefined {
    const address = link.origin.usage;
    if (address === undefined || address.leases < address.limits.leases) return undefined;
    return relayError(RelayCode.LIMIT, 'this address has too many leases');
  }

  addLease(lease: ServedLease): void {
    const address = lease.link.origin.usage;
    if (this.#countedLeases.has(lease)) return;
    const identity = this.identities.of(lease.record.id);
    const usages = address === undefined ? [identity] : [identity, address];
    this.#countedLeases.set(lease, usages);
    for (const usage of usages) usage.leases++;
  }

  removeLease(lease: ServedLease): void {
    for (const usage of this.#countedLeases.get(lease) ?? []) usage.leases--;
    this.#countedLeases.delete(lease);
  }

  /** What paces the bytes of a session towards its owner, or its dialer; undefined where nothing limits them. */
  gate(
    use: SessionUse,
    direction: 'to-owner' | 'to-dialer',
    handlers: { readonly deliver: (chunk: Uint8Array, fin: boolean) => void; readonly onSpent: (usage: Usage) => void },
  ): ByteGate | undefined {
    const { dialer, owner, lease } = use;
    const [from, to] = direction === 'to-owner' ? [dialer, owner] : [owner, dialer];
    // Of a lease, "to" is what goes to its owner.
    const ofLease = direction === 'to-owner' ? lease.bytesTo : lease.bytesFrom;
    const all = [from.identity.bytesFrom, from.address?.bytesFrom, to.identity.bytesTo, to.address?.bytesTo, ofLease];
    const buckets = [...new Set(all.filter((bucket) => bucket !== undefined))];
    const meters = [...use.usages].filter((usage) => usage.limitsDay);
    if (buckets.length === 0 && meters.length === 0) return undefined;
    return new ByteGate({ clock: this.#config.clock, pacer: this.#pacer, buckets, meters, ...handlers });
  }

  /** Every rate is another one from now on. */
  applyLimits(): void {
    for (const table of [this.addresses, this.identities, this.leases]) table.applyLimits();
  }

  /** About once a second. */
  sweep(): void {
    for (const table of [this.addresses, this.identities, this.leases]) table.sweep();
  }

  close(): void {
    this.#pacer.close();
  }

  #ofLease({ record }: ServedLease): Usage {
    return this.leases.of(leaseKey(record.identity, record.service));
  }

  #take(bucket: TokenBucket | undefined, amount: number, text: string): SealaneError | undefined {
    const nowMs = this.#config.clock.nowMs();
    if (bucket === undefined || bucket.tryTake(nowMs, amount)) return undefined;
    const value = Math.min(MAX_WAIT_MS, bucket.waitForMs(amount, nowMs));
    return relayError(RelayCode.BUSY, text, { details: { value } });
  }
}

/** What a client is told whose day is used up. */
export function dayText(wallMs: number): string {
  return `the bytes of this day are used up; more in ${Math.ceil(msToMidnight(wallMs) / 1_000)} s`;
}

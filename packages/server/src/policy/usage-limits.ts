import type { RelayLimits } from '../limits.js';

/** The limits of one address, identity or lease. Rates are per second; what is not limited is infinite. */
export interface UsageLimits {
  /** New sockets or links. */
  readonly fresh: number;
  readonly open: number;
  readonly leases: number;
  readonly sessions: number;
  readonly requests: number;
  readonly connects: number;
  readonly bytesFrom: number;
  readonly bytesTo: number;
  readonly bytesPerDay: number;
}

export type UsageKind = 'address' | 'identity' | 'lease';

/** What is looked up at each use, so that a changed limit holds at once. */
export function usageLimits(kind: UsageKind, limits: RelayLimits): UsageLimits {
  switch (kind) {
    case 'address':
      return {
        fresh: limits.newSocketsPerAddressPerSecond,
        open: limits.socketsPerAddress,
        leases: unlessZero(limits.leasesPerAddress),
        sessions: unlessZero(limits.sessionsPerAddress),
        requests: unlessZero(limits.requestsPerAddressPerSecond),
        connects: unlessZero(limits.connectsPerAddressPerSecond),
        bytesFrom: unlessZero(limits.bytesFromAddressPerSecond),
        bytesTo: unlessZero(limits.bytesToAddressPerSecond),
        bytesPerDay: unlessZero(limits.bytesPerAddressPerDay),
      };
    case 'identity':
      return {
        fresh: unlessZero(limits.newLinksPerIdentityPerSecond),
        open: limits.linksPerIdentity,
        leases: limits.leasesPerIdentity,
        sessions: limits.sessionsPerIdentity,
        requests: unlessZero(limits.requestsPerIdentityPerSecond),
        connects: limits.connectsPerIdentityPerSecond,
        bytesFrom: unlessZero(limits.bytesFromIdentityPerSecond),
        bytesTo: unlessZero(limits.bytesToIdentityPerSecond),
        bytesPerDay: unlessZero(limits.bytesPerIdentityPerDay),
      };
    case 'lease':
      return {
        fresh: Number.POSITIVE_INFINITY,
        open: Number.POSITIVE_INFINITY,
        leases: Number.POSITIVE_INFINITY,
        sessions: unlessZero(limits.sessionsPerLease),
        requests: Number.POSITIVE_INFINITY,
        connects: limits.connectsPerLeasePerSecond,
        bytesFrom: unlessZero(limits.bytesFromLeasePerSecond),
        bytesTo: unlessZero(limits.bytesToLeasePerSecond),
        bytesPerDay: unlessZero(limits.bytesPerLeasePerDay),
      };
  }
}

function unlessZero(limit: number): number {
  return limit === 0 ? Number.POSITIVE_INFINITY : limit;
}

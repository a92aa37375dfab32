import type { LeaseEndReason, RefusalName, RefusalStage, RelayEvent } from '../event.js';
import type { RelayStatistics } from '../options.js';
import type { HistogramSnapshot } from './latency-histogram.js';
import type { ConnectOutcome, RequestKind } from './relay-meter.js';

export interface RefusalCount {
  readonly code: RefusalName;
  readonly where: RefusalStage;
  readonly count: number;
}

/**
 * Everything that a relay counts, as it is now. Counters (all that say "since the start") only grow. There is one number for
 * each code, stage, kind and reason and none for a client, so that what it takes does not grow with their number.
 */
export interface RelayMetrics extends RelayStatistics {
  /** It takes no new connections and ends. */
  readonly isDraining: boolean;
  /** Three quarters of the memory budget are taken: new streams are refused. */
  readonly isOverBudget: boolean;
  /** Limits in force of what is counted beside them. */
  readonly socketsLimit: number;
  readonly unauthenticatedLimit: number;
  readonly leasesLimit: number;
  /** Events since the start, by their type. */
  readonly events: Readonly<Partial<Record<RelayEvent['type'], number>>>;
  readonly leaseEnds: Readonly<Partial<Record<LeaseEndReason, number>>>;
  readonly refusalsByStage: readonly RefusalCount[];
  /** Requests on links since the start, answered or refused. */
  readonly requests: Readonly<Record<RequestKind, number>>;
  /** TCP connections that were let in since the start. */
  readonly socketsTaken: number;
  /** Requests since the start for new sessions, and for paths of sessions that go on. */
  readonly connects: number;
  readonly resumes: number;
  readonly resumedSessions: number;
  /** Payload bytes forwarded since the start. */
  readonly bytesToOwners: number;
  readonly bytesToDialers: number;
  /** Signature checks of clients, and of leases and tickets, that wait for their share of a core. */
  readonly waitingAuths: number;
  readonly waitingChecks: number;
  /** Requests that wait for the policy, and for owners that are on their way back. */
  readonly undecidedRequests: number;
  readonly heldRequests: number;
  /** What windows have grown beyond their first size; not part of what is used. */
  readonly budgetGrowthBytes: number;
  /** Part of the budget that waits in sockets, and the most that may. */
  readonly socketBytes: number;
  readonly socketBytesLimit: number;
  readonly bans: number;
  /** Addresses, identities and leases whose use is remembered. */
  readonly trackedAddresses: number;
  readonly trackedIdentities: number;
  readonly trackedLeases: number;
  /** From a request for a connection to the answer that its dialer is sent, the owner's time among it. */
  readonly connectSeconds: Readonly<Record<ConnectOutcome, HistogramSnapshot>>;
  /** The relay's own part of it: until the request is with the owner's link. */
  readonly forwardSeconds: HistogramSnapshot;
  /** From message 1 of a handshake on its way to the owner to message 2 on its way to the dialer. */
  readonly handshakeSeconds: HistogramSnapshot;
}

import type { AdmissionGate } from '../admission-gate.js';
import type { ConnectionHandler } from '../connection-handler.js';
import type { ForwardingHandler } from '../forwarding-handler.js';
import type { LeaseManager } from '../lease-manager.js';
import type { RelayStatistics } from '../options.js';
import type { UsagePolicy } from '../policy/usage-policy.js';
import type { RelayConfig } from '../relay-config.js';
import type { SocketLimits } from '../socket-limits.js';
import type { SocketMemory } from '../socket-memory.js';
import type { WorkShares } from '../work-shares.js';
import type { RelayMetrics } from './relay-metrics.js';

/** The parts of a relay that know numbers. */
export interface MeasuredParts {
  readonly config: RelayConfig;
  readonly sockets: SocketLimits;
  readonly work: WorkShares;
  readonly usage: UsagePolicy;
  readonly leases: LeaseManager;
  readonly gate: AdmissionGate;
  readonly connections: ConnectionHandler;
  readonly forwarding: ForwardingHandler;
  readonly socketMemory: SocketMemory;
  readonly upLinks: () => number;
}

export function collectStatistics(parts: MeasuredParts): RelayStatistics {
  const { budget, reporter } = parts.config;
  const { store } = parts.leases;
  return {
    sockets: parts.sockets.sockets,
    unauthenticated: parts.sockets.unauthenticated,
    links: parts.upLinks(),
    leases: store.leaseCount,
    names: store.nameCount,
    sessions: parts.forwarding.sessionCount,
    waitingAccepts: parts.connections.waitingCount,
    pendingLeases: parts.gate.pendingCount,
    relayedBytes: parts.forwarding.relayedBytes,
    budgetUsedBytes: budget.used,
    budgetLimitBytes: budget.limitBytes,
    refusals: reporter.refusals,
  };
}

/** Reads what is kept anyway: its cost does not depend on the number of clients. */
export function collectMetrics(parts: MeasuredParts): RelayMetrics {
  const { config, connections, usage, socketMemory } = parts;
  const { budget, reporter, meter, limits, bans } = config;
  const { connect } = meter;
  return {
    ...collectStatistics(parts),
    isDraining: connections.isDraining,
    isOverBudget: budget.refusesStreams,
    socketsLimit: limits.maxSockets,
    unauthenticatedLimit: limits.maxUnauthenticated,
    leasesLimit: limits.maxLeases,
    events: reporter.events,
    leaseEnds: reporter.leaseEnds,
    refusalsByStage: reporter.refusalsByStage,
    requests: { ...meter.requests },
    socketsTaken: parts.sockets.taken,
    connects: meter.connects,
    resumes: meter.resumes,
    resumedSessions: meter.resumedSessions,
    bytesToOwners: meter.toOwners.bytes,
    bytesToDialers: meter.toDialers.bytes,
    waitingAuths: parts.work.auth.length,
    waitingChecks: parts.work.leases.length,
    undecidedRequests: connections.undecidedCount,
    heldRequests: connections.heldCount,
    budgetGrowthBytes: budget.reservedForGrowth,
    socketBytes: socketMemory.usedBytes,
    socketBytesLimit: socketMemory.limitBytes,
    bans: bans.size,
    trackedAddresses: usage.addresses.size,
    trackedIdentities: usage.identities.size,
    trackedLeases: usage.leases.size,
    connectSeconds: {
      accepted: connect.accepted.snapshot(),
      refused: connect.refused.snapshot(),
      failed: connect.failed.snapshot(),
    },
    forwardSeconds: meter.forward.snapshot(),
    handshakeSeconds: meter.handshake.snapshot(),
  };
}

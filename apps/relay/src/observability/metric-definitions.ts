import type { LeaseEndReason } from '@sealane/server';
import { labelled, type MetricDefinition, single } from './metric-definition.js';
import { whyNotReady } from './readiness.js';

const leaseEnds: Readonly<Record<LeaseEndReason, number>> = {
  released: 0,
  expired: 0,
  superseded: 0,
  'link-lost': 0,
  denied: 0,
};

/** What docs/observability.md says to be woken by is there from the start: a rate does not see a counter's first value. */
const ALERTED = 'UNAUTHENTICATED';

/** Every metric of a relay, the only list of them: `/metrics` and docs/observability.md are made from it. */
export const metricDefinitions: readonly MetricDefinition[] = [
  {
    type: 'gauge',
    name: 'sealane_relay_info',
    help: 'Always 1; the version of the program, and of Node',
    labels: ['version', 'node'],
    read: ({ version }) => [{ labels: { version, node: process.version }, value: 1 }],
  },
  single('gauge', 'sealane_relay_ready', '1 where /readyz says ready, else 0', ({ relay }) =>
    whyNotReady(relay).length === 0 ? 1 : 0,
  ),

  single('gauge', 'sealane_relay_links', 'Clients that are connected and authenticated', ({ relay }) => relay.links),
  single(
    'gauge',
    'sealane_relay_sockets',
    'Sockets of clients, those before authentication among them',
    ({ relay }) => relay.sockets,
  ),
  single('gauge', 'sealane_relay_sockets_limit', 'Limit of it', ({ relay }) => relay.socketsLimit),
  single(
    'gauge',
    'sealane_relay_unauthenticated_sockets',
    'Sockets before authentication',
    ({ relay }) => relay.unauthenticated,
  ),
  single(
    'gauge',
    'sealane_relay_unauthenticated_sockets_limit',
    'Limit of it',
    ({ relay }) => relay.unauthenticatedLimit,
  ),
  single('gauge', 'sealane_relay_leases', 'Leases in force', ({ relay }) => relay.leases),
  single('gauge', 'sealane_relay_leases_limit', 'Limit of it', ({ relay }) => relay.leasesLimit),
  single('gauge', 'sealane_relay_names', 'Names, those kept for their owners among them', ({ relay }) => relay.names),
  single(
    'gauge',
    'sealane_relay_pending_leases',
    "Leases that wait for an operator's approval",
    ({ relay }) => relay.pendingLeases,
  ),
  single('gauge', 'sealane_relay_sessions', 'Sessions that are relayed', ({ relay }) => relay.sessions),
  single('gauge', 'sealane_relay_bans', 'Bans', ({ relay }) => relay.bans),
  labelled(
    'gauge',
    ['sealane_relay_tracked', 'kind'],
    'Addresses, identities and leases whose use is remembered',
    ({ relay }) => ({
      address: relay.trackedAddresses,
      identity: relay.trackedIdentities,
      lease: relay.trackedLeases,
    }),
  ),

  labelled(
    'gauge',
    ['sealane_relay_queue_length', 'queue'],
    "What waits: signature checks of clients (auth), of leases and tickets (check), requests for the policy (policy), for the owner's answer (owner), for an owner on its way back (held)",
    ({ relay }) => ({
      auth: relay.waitingAuths,
      check: relay.waitingChecks,
      policy: relay.undecidedRequests,
      owner: relay.waitingAccepts,
      held: relay.heldRequests,
    }),
  ),
  single(
    'gauge',
    'sealane_relay_memory_budget_used_bytes',
    'Taken of the memory budget: what waits in windows and sockets',
    ({ relay }) => relay.budgetUsedBytes,
  ),
  single(
    'gauge',
    'sealane_relay_memory_budget_limit_bytes',
    'The memory budget',
    ({ relay }) => relay.budgetLimitBytes,
  ),
  single(
    'gauge',
    'sealane_relay_window_growth_bytes',
    'By which windows have grown beyond their first size',
    ({ relay }) => relay.budgetGrowthBytes,
  ),
  single(
    'gauge',
    'sealane_relay_socket_queue_bytes',
    'Part of the budget that waits in sockets',
    ({ relay }) => relay.socketBytes,
  ),
  single('gauge', 'sealane_relay_socket_queue_limit_bytes', 'Limit of it', ({ relay }) => relay.socketBytesLimit),

  single('counter', 'sealane_relay_sockets_total', 'Sockets that were let in', ({ relay }) => relay.socketsTaken),
  single(
    'counter',
    'sealane_relay_links_opened_total',
    'Clients that authenticated',
    ({ relay }) => relay.events['link-open'] ?? 0,
  ),
  single(
    'counter',
    'sealane_relay_links_closed_total',
    'Links that ended',
    ({ relay }) => relay.events['link-close'] ?? 0,
  ),
  single(
    'counter',
    'sealane_relay_leases_granted_total',
    'Leases put in force',
    ({ relay }) => relay.events.lease ?? 0,
  ),
  labelled('counter', ['sealane_relay_leases_ended_total', 'reason'], 'Leases that ended, by reason', ({ relay }) => ({
    ...leaseEnds,
    ...relay.leaseEnds,
  })),
  labelled(
    'counter',
    ['sealane_relay_requests_total', 'kind'],
    'Requests on links, answered or refused',
    ({ relay }) => relay.requests,
  ),
  labelled(
    'counter',
    ['sealane_relay_connect_requests_total', 'kind'],
    'Requests for a new session (connect), and for another path of one (resume)',
    ({ relay }) => ({ connect: relay.connects, resume: relay.resumes }),
  ),
  single(
    'counter',
    'sealane_relay_sessions_opened_total',
    'Sessions and later paths of them that began',
    ({ relay }) => relay.events['session-open'] ?? 0,
  ),
  single(
    'counter',
    'sealane_relay_sessions_resumed_total',
    'Those among them that are later paths',
    ({ relay }) => relay.resumedSessions,
  ),
  single(
    'counter',
    'sealane_relay_sessions_closed_total',
    'Sessions and later paths that ended',
    ({ relay }) => relay.events['session-close'] ?? 0,
  ),
  labelled(
    'counter',
    ['sealane_relay_relayed_bytes_total', 'direction'],
    'Payload that was relayed, encrypted as it is',
    ({ relay }) => ({ to_owner: relay.bytesToOwners, to_dialer: relay.bytesToDialers }),
  ),
  {
    type: 'counter',
    name: 'sealane_relay_refusals_total',
    help: 'What was refused, by code and where; the codes are those of docs/limits.md and of the protocol',
    labels: ['code', 'where'],
    read: ({ relay: { refusals, refusalsByStage } }) =>
      [
        ...(refusals[ALERTED] === undefined ? [{ code: ALERTED, where: 'socket', count: 0 }] : []),
        ...refusalsByStage,
      ].map(({ code, where, count }) => ({ labels: { code, where }, value: count })),
  },
  single(
    'counter',
    'sealane_relay_warnings_total',
    'Warnings for the operator',
    ({ relay }) => relay.events.warning ?? 0,
  ),
  single(
    'counter',
    'sealane_relay_faults_total',
    'Defects of the relay; please report them',
    ({ relay }) => relay.events.fault ?? 0,
  ),

  {
    type: 'histogram',
    name: 'sealane_relay_connect_seconds',
    help: "From a request for a session to the answer that its dialer is sent, the owner's time among it, by outcome: accepted, refused by the owner, failed (no answer, or the owner went)",
    labels: ['outcome'],
    read: ({ relay }) =>
      Object.entries(relay.connectSeconds).map(([outcome, value]) => ({ labels: { outcome }, value })),
  },
  {
    type: 'histogram',
    name: 'sealane_relay_connect_forward_seconds',
    help: "The relay's own part of it: until the request is with the owner's link",
    labels: [],
    read: ({ relay }) => [{ labels: {}, value: relay.forwardSeconds }],
  },
  {
    type: 'histogram',
    name: 'sealane_relay_handshake_forward_seconds',
    help: 'From message 1 of a handshake on its way to the owner to message 2 on its way to the dialer',
    labels: [],
    read: ({ relay }) => [{ labels: {}, value: relay.handshakeSeconds }],
  },

  single(
    'gauge',
    'sealane_relay_event_loop_lag_p50_seconds',
    'By how much the event loop was late: median of the last 10 to 20 s',
    ({ process }) => process.lag.p50,
  ),
  single(
    'gauge',
    'sealane_relay_event_loop_lag_p99_seconds',
    '99th percentile of it',
    ({ process }) => process.lag.p99,
  ),
  single('gauge', 'sealane_relay_event_loop_lag_max_seconds', 'The most of it', ({ process }) => process.lag.max),
  single(
    'counter',
    'sealane_relay_event_loop_active_seconds_total',
    'Time in which the event loop did something',
    ({ process }) => process.loopActiveSeconds,
  ),
  single(
    'gauge',
    'sealane_relay_handles',
    'Sockets, timers and requests of the process',
    ({ process }) => process.handles,
  ),
  single('counter', 'process_cpu_user_seconds_total', 'CPU time in the program', ({ process }) => process.userSeconds),
  single(
    'counter',
    'process_cpu_system_seconds_total',
    'CPU time in the system',
    ({ process }) => process.systemSeconds,
  ),
  single('gauge', 'process_resident_memory_bytes', 'Memory of the process', ({ process }) => process.residentBytes),
  single('gauge', 'process_open_fds', 'Open files and sockets', ({ process }) => process.openFiles),
  single('gauge', 'process_max_fds', 'As many as the system allows', ({ process }) => process.maxFiles),
  single(
    'gauge',
    'process_start_time_seconds',
    'Unix time at which the process started',
    ({ process }) => process.startTimeSeconds,
  ),
  single('gauge', 'nodejs_heap_size_used_bytes', 'JavaScript objects', ({ process }) => process.heapUsedBytes),
  single('gauge', 'nodejs_heap_size_total_bytes', 'Memory for them', ({ process }) => process.heapTotalBytes),
  single('gauge', 'nodejs_external_memory_bytes', 'Buffers outside of it', ({ process }) => process.externalBytes),
];

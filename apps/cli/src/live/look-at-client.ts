import type { LinkStatus, RelayClient, SecureConnection } from '@sealane/client';
import { systemClock } from '@sealane/types';
import type { KnownPeers } from '../peers/known-peers.js';
import { AliasBook } from './alias-book.js';
import type { LiveLink, LiveSession, LiveSnapshot } from './snapshot.js';
import { TrafficMeter } from './traffic-meter.js';

/** How long a session is said to have been resumed. */
const resumedNoteMs = 5_000;

/** Looks at the links and sessions of a client, and at the user's own names for peers. */
export function lookAtClient(client: RelayClient, peers: KnownPeers, title: string): () => LiveSnapshot {
  const startedMs = systemClock.nowMs();
  const meter = new TrafficMeter();
  const aliases = new AliasBook(peers);
  return () => {
    const nowMs = systemClock.nowMs();
    const { statistics } = client;
    aliases.refresh();
    return {
      title,
      upMs: nowMs - startedMs,
      links: client.links.map(describeLink),
      sessions: [...client.connections].map((connection) => ({
        ...describeSession(connection, aliases.nameOf(connection.peerId), nowMs),
        ...meter.measure(connection, connection.statistics, nowMs),
      })),
      total: {
        ...meter.measure(client, statistics, nowMs),
        sessions: statistics.sessions,
        streams: statistics.streamsOpen,
      },
    };
  };
}

function describeLink({ url, state, retryInMs, rttMs }: LinkStatus): LiveLink {
  const isUp = state === 'up';
  return { url, isUp, rttMs, state: retryInMs === undefined ? state : `retry ${Math.ceil(retryInMs / 1_000)} s` };
}

function describeSession(
  connection: SecureConnection,
  alias: string | undefined,
  nowMs: number,
): Pick<LiveSession, 'peerId' | 'alias' | 'note' | 'streams' | 'rttMs'> {
  const { streamsOpen, rttMs } = connection.statistics;
  return { peerId: connection.peerId, alias, note: noteOn(connection, nowMs), streams: streamsOpen, rttMs };
}

function noteOn(connection: SecureConnection, nowMs: number): string | undefined {
  const { suspendedSinceMs } = connection;
  if (suspendedSinceMs !== undefined) return `interrupted ${Math.floor((nowMs - suspendedSinceMs) / 1_000)} s`;
  if (!connection.isOpen) return 'closing';
  const { lastResumption } = connection.statistics;
  if (lastResumption === undefined || nowMs - lastResumption.atMs >= resumedNoteMs) return undefined;
  return `resumed (${(lastResumption.gapMs / 1_000).toFixed(1)} s)`;
}

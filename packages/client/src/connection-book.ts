import type { SealaneError } from '@sealane/types';
import type { ConnectionStatistics } from './session/connection-statistics.js';
import type { SecureConnection } from './session/secure-connection.js';
import type { ClientStatistics, StatusListener } from './status.js';

/** The sessions of one client that have not ended, the sums of those that have, and what is told about them. */
export class ConnectionBook {
  readonly open: Set<SecureConnection> = new Set();
  readonly #onStatus: StatusListener;
  #sessions = 0;
  #ended = { bytesSent: 0, bytesReceived: 0, streams: 0 };

  constructor(onStatus: StatusListener) {
    this.#onStatus = onStatus;
  }

  get statistics(): ClientStatistics {
    const sum = { ...this.#ended };
    let streamsOpen = 0;
    for (const { statistics } of this.open) {
      add(sum, statistics);
      streamsOpen += statistics.streamsOpen;
    }
    return { ...sum, sessions: this.#sessions, sessionsOpen: this.open.size, streamsOpen };
  }

  add(connection: SecureConnection): void {
    this.open.add(connection);
    this.#sessions += 1;
    this.#onStatus({ ...factsOf(connection), state: 'open' });
  }

  onInterrupted(connection: SecureConnection, error: SealaneError): void {
    if (this.open.has(connection)) this.#onStatus({ ...factsOf(connection), state: 'interrupted', error });
  }

  onResumed(connection: SecureConnection, gapMs: number): void {
    if (this.open.has(connection))
      this.#onStatus({
        ...factsOf(connection),
        state: 'resumed',
        gapMs,
        relayId: connection.relayId,
        resumeId: connection.resumeId,
      });
  }

  onEnd(connection: SecureConnection, error: SealaneError | undefined): void {
    if (!this.open.delete(connection)) return;
    add(this.#ended, connection.statistics);
    const facts = { ...factsOf(connection), state: 'closed' } as const;
    this.#onStatus(error === undefined ? facts : { ...facts, error });
  }
}

type Facts = { readonly type: 'session' } & Pick<
  SecureConnection,
  'role' | 'peerId' | 'service' | 'alpn' | 'connectionId'
>;

function factsOf({ role, peerId, service, alpn, connectionId }: SecureConnection): Facts {
  return { type: 'session', role, peerId, service, alpn, connectionId };
}

function add(sum: { bytesSent: number; bytesReceived: number; streams: number }, of: ConnectionStatistics): void {
  sum.bytesSent += of.bytesSent;
  sum.bytesReceived += of.bytesReceived;
  sum.streams += of.streamsOpened + of.streamsAccepted;
}

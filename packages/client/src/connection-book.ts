import type { ConnectionStatistics, SecureConnection } from './session/secure-connection.js';
import type { ClientStatistics } from './status.js';

/** The sessions of one client that have not ended, and the sums of those that have. */
export class ConnectionBook {
  readonly open: Set<SecureConnection> = new Set();
  #sessions = 0;
  #ended = { bytesSent: 0, bytesReceived: 0, streams: 0 };

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
  }

  /** False when it was not there. */
  remove(connection: SecureConnection): boolean {
    if (!this.open.delete(connection)) return false;
    add(this.#ended, connection.statistics);
    return true;
  }
}

function add(sum: { bytesSent: number; bytesReceived: number; streams: number }, of: ConnectionStatistics): void {
  sum.bytesSent += of.bytesSent;
  sum.bytesReceived += of.bytesReceived;
  sum.streams += of.streamsOpened + of.streamsAccepted;
}

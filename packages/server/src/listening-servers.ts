import type { Server } from 'node:http';

/** The servers that a relay has made itself. */
export class ListeningServers {
  readonly all: Server[] = [];
  readonly #stopped: Promise<void>[] = [];

  /** Takes no new connections. Once per server: a second close() of one says at once that it is closed, while its sockets are still open. */
  stop(): void {
    if (this.#stopped.length > 0) return;
    for (const server of this.all) {
      this.#stopped.push(new Promise((resolve) => server.close(() => resolve())));
    }
  }

  /** Resolves when what was stopped has no connection left. */
  async whenStopped(): Promise<void> {
    await Promise.all(this.#stopped);
  }
}

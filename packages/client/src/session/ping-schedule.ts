import type { Mux } from '@sealane/mux';

const INTERVAL_MS = 5_000;

/** Measures a session's round trip while it is used, for the windows; an idle session stays silent. */
export class PingSchedule {
  #lastMs: number = Number.NEGATIVE_INFINITY;
  #use = -1;

  tick(mux: Mux, nowMs: number): void {
    if (nowMs - this.#lastMs < INTERVAL_MS || mux.isClosed || mux.pingPendingSinceMs !== undefined) return;
    const { dataBytesSent, dataBytesReceived, streamsOpened, streamsAccepted } = mux.statistics;
    const use = dataBytesSent + dataBytesReceived + streamsOpened + streamsAccepted;
    if (use === this.#use) return;
    this.#use = use;
    this.#lastMs = nowMs;
    // A session that ends meanwhile says so by itself.
    mux.ping().catch(() => undefined);
  }
}

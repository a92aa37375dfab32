import type { Mux } from '@sealane/mux';

const INTERVAL_MS = 5_000;
/** Records that one ping causes: itself, its answer, and an ack for each. They are not use. */
const OWN_RECORDS = 4;

/** Measures a session's round trip while records flow, for the windows; an idle session stays silent. */
export class PingSchedule {
  #lastMs: number = Number.NEGATIVE_INFINITY;
  #records = -1;

  /** `records` is the number of records sealed and opened so far. */
  tick(mux: Mux, nowMs: number, records: number): void {
    if (records <= this.#records || nowMs - this.#lastMs < INTERVAL_MS) return;
    if (mux.isClosed || mux.pingPendingSinceMs !== undefined) return;
    this.#lastMs = nowMs;
    this.#records = records + OWN_RECORDS;
    // A session that ends meanwhile says so by itself.
    mux.ping().catch(() => undefined);
  }
}

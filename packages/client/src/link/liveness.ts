import type { ClientTimingConfig } from './timing.js';

export interface LivenessProgress {
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Something was sent that the other side must react to. */
  readonly isBusy: boolean;
}

export type LivenessVerdict = 'alive' | 'ping' | 'dead';

/** Ticks that come this much late say that the process or machine slept, not that the relay is silent. */
const LATE_TICK_MS = 5_000;
const BUSY_PING_AFTER_MS = 1_000;

/**
 * Decides from byte counters alone whether a link is alive: dead after `linkBusyDeadMs` with bytes outstanding
 * (`linkIdleDeadMs` otherwise) in which no byte arrived and none was taken (v1.md, "Links").
 */
export class Liveness {
  readonly #timing: ClientTimingConfig;
  #receivedBytes = -1;
  #sentBytes = -1;
  #progressMs: number;
  #arrivalMs: number;
  #busySinceMs: number | undefined;
  #tickMs: number;

  constructor(timing: ClientTimingConfig, nowMs: number) {
    this.#timing = timing;
    this.#progressMs = nowMs;
    this.#arrivalMs = nowMs;
    this.#tickMs = nowMs;
  }

  tick(nowMs: number, progress: LivenessProgress): LivenessVerdict {
    const slept = nowMs - this.#tickMs > LATE_TICK_MS;
    this.#tickMs = nowMs;
    const arrived = progress.receivedBytes !== this.#receivedBytes;
    if (arrived || slept) this.#arrivalMs = nowMs;
    if (arrived || slept || progress.sentBytes !== this.#sentBytes) this.#progressMs = nowMs;
    this.#receivedBytes = progress.receivedBytes;
    this.#sentBytes = progress.sentBytes;
    this.#busySinceMs = progress.isBusy ? (slept ? nowMs : (this.#busySinceMs ?? nowMs)) : undefined;

    const silentMs = nowMs - this.#progressMs;
    const busyMs = this.#busySinceMs === undefined ? 0 : nowMs - Math.max(this.#busySinceMs, this.#progressMs);
    if (silentMs >= this.#timing.linkIdleDeadMs || busyMs >= this.#timing.linkBusyDeadMs) return 'dead';
    const pingAfterMs = progress.isBusy ? BUSY_PING_AFTER_MS : this.#timing.pingIntervalMs;
    return nowMs - this.#arrivalMs >= pingAfterMs ? 'ping' : 'alive';
  }
}

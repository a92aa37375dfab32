import type { ClientTimingConfig } from './timing.js';

export interface LivenessProgress {
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Bytes that the socket has not taken. */
  readonly queuedBytes: number;
  /** Something was sent that the other side must react to. */
  readonly isBusy: boolean;
}

export type LivenessVerdict = 'alive' | 'ping' | 'dead';

/** Ticks that come this much late say that the process or machine slept, not that the relay is silent. */
const LATE_TICK_MS = 5_000;
const BUSY_PING_MS = 1_000;

/**
 * Decides from byte counters alone whether a link is alive: dead when nothing arrived for `linkIdleDeadMs`, or for
 * `linkBusyDeadMs` with bytes outstanding of which the socket took none (v1.md, "Links"). Bytes that leave at once prove
 * nothing: the platform takes them for a peer that is long gone; ones that had to wait prove that it drained. Looked at every `tickMs`, what
 * happened between two ticks counts as of the second, so that silence is never overstated, and dead is said a tick early.
 */
export class Liveness {
  readonly #timing: ClientTimingConfig;
  readonly #intervalMs: number;
  #receivedBytes = -1;
  #sentBytes = 0;
  #wasQueued = false;
  /** Bytes arrived, or the socket took some that had waited. */
  #progressMs: number;
  #arrivalMs: number;
  #busySinceMs: number | undefined;
  #tickMs: number;
  #pingMs: number;

  constructor(timing: ClientTimingConfig, intervalMs: number, nowMs: number) {
    this.#timing = timing;
    this.#intervalMs = intervalMs;
    this.#progressMs = nowMs;
    this.#arrivalMs = nowMs;
    this.#tickMs = nowMs;
    this.#pingMs = nowMs;
  }

  tick(nowMs: number, progress: LivenessProgress): LivenessVerdict {
    const slept = nowMs - this.#tickMs > LATE_TICK_MS;
    this.#tickMs = nowMs;
    if (progress.receivedBytes !== this.#receivedBytes || slept) {
      this.#arrivalMs = nowMs;
      this.#progressMs = nowMs;
    }
    if (this.#wasQueued && progress.sentBytes !== this.#sentBytes) this.#progressMs = nowMs;
    this.#wasQueued = progress.queuedBytes > 0;
    this.#receivedBytes = progress.receivedBytes;
    this.#sentBytes = progress.sentBytes;
    this.#busySinceMs = progress.isBusy ? (this.#busySinceMs ?? nowMs) : undefined;

    const { linkIdleDeadMs, linkBusyDeadMs, pingIntervalMs } = this.#timing;
    const stalledMs = nowMs - this.#progressMs + this.#intervalMs;
    const silentMs = nowMs - this.#arrivalMs + this.#intervalMs;
    const busyMs = this.#busySinceMs === undefined ? 0 : nowMs - this.#busySinceMs + this.#intervalMs;
    if (Math.min(busyMs, stalledMs) >= linkBusyDeadMs) return 'dead';
    if (silentMs >= linkIdleDeadMs && stalledMs >= linkBusyDeadMs) return 'dead';
    // Also where bytes arrive all the time: by the round trip relays are chosen, and it must not be one of long ago.
    if (nowMs - this.#pingMs < (progress.isBusy ? BUSY_PING_MS : pingIntervalMs)) return 'alive';
    this.#pingMs = nowMs;
    return 'ping';
  }
}

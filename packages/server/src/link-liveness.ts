import type { RelayLimits } from './limits.js';

export interface LinkProgress {
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly queuedBytes: number;
}

/** A tick that comes later than this says that this process stood still, not that its peers are dead. */
const LATE_TICK_MS = 2_000;

/**
 * Finds dead links (v1.md, "Limits"): 3 s in which bytes waited and none left, or 10 s without, and nothing was
 * received. Bytes that leave at once prove nothing: the kernel takes a ping for a peer that is long gone.
 */
export class LinkLiveness {
  readonly #limits: RelayLimits;
  #receivedBytes = 0;
  #sentBytes = 0;
  /** When bytes were first seen to wait; undefined while none do. */
  #queuedSinceMs: number | undefined;
  #receivedAtMs: number;
  #progressAtMs: number;
  #checkedAtMs: number;

  constructor(limits: RelayLimits, nowMs: number) {
    this.#limits = limits;
    this.#receivedAtMs = nowMs;
    this.#progressAtMs = nowMs;
    this.#checkedAtMs = nowMs;
  }

  /** To be asked about once a second. */
  check(progress: LinkProgress, atMs: number): 'alive' | 'ping' | 'dead' {
    // Whole numbers lie in their places; others have objects of their own, three for each link and new ones each second.
    const nowMs = Math.floor(atMs);
    const isLate = nowMs - this.#checkedAtMs > LATE_TICK_MS;
    const hasReceived = progress.receivedBytes !== this.#receivedBytes;
    const hasDrained = this.#queuedSinceMs !== undefined && progress.sentBytes !== this.#sentBytes;
    this.#checkedAtMs = nowMs;
    this.#receivedBytes = progress.receivedBytes;
    this.#sentBytes = progress.sentBytes;
    this.#queuedSinceMs = progress.queuedBytes > 0 ? (this.#queuedSinceMs ?? nowMs) : undefined;
    if (hasReceived || isLate) this.#receivedAtMs = nowMs;
    if (hasReceived || hasDrained || isLate) this.#progressAtMs = nowMs;
    // A client that was rightly silent before is not dead because bytes began to wait for it just now.
    const waitedMs = nowMs - Math.max(this.#progressAtMs, this.#queuedSinceMs ?? nowMs);
    const { linkBusyDeadMs, linkIdleDeadMs } = this.#limits;
    if (waitedMs >= linkBusyDeadMs || nowMs - this.#progressAtMs >= linkIdleDeadMs) return 'dead';
    return nowMs - this.#receivedAtMs >= this.#limits.pingIntervalMs ? 'ping' : 'alive';
  }
}

import type { RelayLimits } from './limits.js';

export interface LinkProgress {
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly queuedBytes: number;
}

/** A tick that comes later than this says that this process stood still, not that its peers are dead. */
const LATE_TICK_MS = 2_000;

/** Finds dead links (v1.md, "Limits"): nothing received and nothing drained, 3 s with bytes waiting, 10 s without. */
export class LinkLiveness {
  readonly #limits: RelayLimits;
  #receivedBytes = 0;
  #sentBytes = 0;
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
  check(progress: LinkProgress, nowMs: number): 'alive' | 'ping' | 'dead' {
    const isLate = nowMs - this.#checkedAtMs > LATE_TICK_MS;
    this.#checkedAtMs = nowMs;
    if (progress.receivedBytes !== this.#receivedBytes) this.#receivedAtMs = nowMs;
    if (isLate || progress.receivedBytes !== this.#receivedBytes || progress.sentBytes !== this.#sentBytes) {
      this.#receivedBytes = progress.receivedBytes;
      this.#sentBytes = progress.sentBytes;
      this.#progressAtMs = nowMs;
    }
    const deadMs = progress.queuedBytes > 0 ? this.#limits.linkBusyDeadMs : this.#limits.linkIdleDeadMs;
    if (nowMs - this.#progressAtMs >= deadMs) return 'dead';
    return nowMs - this.#receivedAtMs >= this.#limits.pingIntervalMs ? 'ping' : 'alive';
  }
}

export interface RoundTripSummary {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  /** Milliseconds; null when nothing was received. */
  readonly minMs: number | null;
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

/** The percentiles of an endless run are those of its last so many rounds; everything else counts all of them. */
const maxKept = 100_000;

/** Round trips seen so far, and how many were lost. */
export class RoundTrips {
  readonly #kept: number[] = [];
  readonly #maxKept: number;
  #sent = 0;
  #received = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;

  constructor(kept: number = maxKept) {
    this.#maxKept = kept;
  }

  /** Undefined for a lost one. */
  add(ms: number | undefined): void {
    this.#sent += 1;
    if (ms === undefined) return;
    this.#kept[this.#received % this.#maxKept] = ms;
    this.#received += 1;
    this.#minMs = Math.min(this.#minMs, ms);
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  summary(): RoundTripSummary {
    const counts = { sent: this.#sent, received: this.#received, lost: this.#sent - this.#received };
    if (this.#received === 0) return { ...counts, minMs: null, p50Ms: null, p90Ms: null, p99Ms: null, maxMs: null };
    const sorted = Float64Array.from(this.#kept).sort();
    return {
      ...counts,
      minMs: roundMs(this.#minMs),
      p50Ms: roundMs(percentile(sorted, 50)),
      p90Ms: roundMs(percentile(sorted, 90)),
      p99Ms: roundMs(percentile(sorted, 99)),
      maxMs: roundMs(this.#maxMs),
    };
  }
}

/** The smallest value that at least so many percent do not exceed (nearest rank). */
function percentile(sorted: Float64Array, percent: number): number {
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? Number.NaN;
}

/** To the microsecond: what a clock says beyond is noise. */
export function roundMs(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

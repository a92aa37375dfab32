/** Upper bounds of the buckets in seconds; what is above the last one has a bucket of its own. */
const BOUNDS_SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** What a histogram has counted since the start. */
export interface HistogramSnapshot {
  /** Upper bounds of the buckets in seconds, each of them included. */
  readonly bounds: readonly number[];
  /** How many fell into each bucket and into no earlier one; one entry more than there are bounds. */
  readonly counts: readonly number[];
  /** Of all, in seconds. */
  readonly sum: number;
  readonly count: number;
}

/** Counts durations by their size. Counting costs a few comparisons; nothing is kept of a single one. */
export class LatencyHistogram {
  readonly #counts: number[] = new Array(BOUNDS_SECONDS.length + 1).fill(0);
  #sumMs = 0;

  observeMs(ms: number): void {
    const seconds = ms / 1_000;
    let bucket = 0;
    while (bucket < BOUNDS_SECONDS.length && seconds > (BOUNDS_SECONDS[bucket] ?? 0)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sumMs += ms;
  }

  snapshot(): HistogramSnapshot {
    const counts = [...this.#counts];
    return { bounds: BOUNDS_SECONDS, counts, sum: this.#sumMs / 1_000, count: counts.reduce((sum, n) => sum + n, 0) };
  }
}

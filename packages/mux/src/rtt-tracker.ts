const bucketMs = 10_000;
const buckets = 6;

interface RoundTrip {
  readonly bucket: number;
  readonly rttMs: number;
}

const none: readonly RoundTrip[] = [];

/** The smallest round trip of the last minute, in steps of ten seconds. */
export class RttTracker {
  lastMs: number | undefined;
  /** Those that may still become the smallest: each is larger than the one before it, and of a later step. */
  #minima: readonly RoundTrip[] = none;

  add(nowMs: number, rttMs: number): void {
    this.lastMs = rttMs;
    const bucket = Math.floor(nowMs / bucketMs);
    const smaller = this.#minima.filter((seen) => seen.rttMs < rttMs && seen.bucket > bucket - buckets);
    this.#minima = smaller.at(-1)?.bucket === bucket ? smaller : [...smaller, { bucket, rttMs }];
  }

  minMs(nowMs: number): number | undefined {
    const bucket = Math.floor(nowMs / bucketMs);
    return this.#minima.find((seen) => seen.bucket > bucket - buckets)?.rttMs;
  }
}

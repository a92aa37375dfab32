const bucketMs = 10_000;
const buckets = 6;

/** The smallest round trip of the last minute, in steps of ten seconds. */
export class RttTracker {
  readonly #minima: number[] = new Array<number>(buckets).fill(Number.POSITIVE_INFINITY);
  #newest = 0;
  #lastMs: number | undefined;

  get lastMs(): number | undefined {
    return this.#lastMs;
  }

  add(nowMs: number, rttMs: number): void {
    this.#lastMs = rttMs;
    this.#expire(nowMs);
    const index = this.#newest % buckets;
    this.#minima[index] = Math.min(this.#minima[index]!, rttMs);
  }

  minMs(nowMs: number): number | undefined {
    this.#expire(nowMs);
    const min = Math.min(...this.#minima);
    return min === Number.POSITIVE_INFINITY ? undefined : min;
  }

  #expire(nowMs: number): void {
    const bucket = Math.floor(nowMs / bucketMs);
    const stale = Math.min(buckets, bucket - this.#newest);
    for (let step = 1; step <= stale; step += 1) {
      this.#minima[(this.#newest + step) % buckets] = Number.POSITIVE_INFINITY;
    }
    if (stale === buckets) this.#minima.fill(Number.POSITIVE_INFINITY);
    this.#newest = Math.max(this.#newest, bucket);
  }
}

import type { Traffic } from './snapshot.js';

interface Sample {
  readonly atMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

interface Metered {
  sample: Sample;
  inPerSecond: number;
  outPerSecond: number;
}

/** A new rate is not made of less time than this: a burst between two looks is no throughput. */
const leastMs = 500;

/** Throughput between one look and the next, for as many sources as there are. What is forgotten elsewhere is forgotten here. */
export class TrafficMeter {
  readonly #metered = new WeakMap<object, Metered>();

  /** The traffic of `source`, whose sums are given; the first look has no rate yet. */
  measure(
    source: object,
    sums: { readonly bytesReceived: number; readonly bytesSent: number },
    nowMs: number,
  ): Traffic {
    const sample = { atMs: nowMs, bytesIn: sums.bytesReceived, bytesOut: sums.bytesSent };
    const before = this.#metered.get(source);
    const metered = before ?? { sample, inPerSecond: 0, outPerSecond: 0 };
    if (before === undefined) this.#metered.set(source, metered);
    const elapsedMs = nowMs - metered.sample.atMs;
    if (elapsedMs >= leastMs) {
      metered.inPerSecond = ((sample.bytesIn - metered.sample.bytesIn) * 1_000) / elapsedMs;
      metered.outPerSecond = ((sample.bytesOut - metered.sample.bytesOut) * 1_000) / elapsedMs;
      metered.sample = sample;
    }
    const { inPerSecond, outPerSecond } = metered;
    return { bytesIn: sample.bytesIn, bytesOut: sample.bytesOut, inPerSecond, outPerSecond };
  }
}

import type { HistogramSnapshot, RelayMetrics } from '@sealane/server';
import type { ProcessReading } from './process-meter.js';

/** What one scrape is made from. */
export interface MetricSource {
  readonly relay: RelayMetrics;
  readonly process: ProcessReading;
  /** Of the program. */
  readonly version: string;
}

type Labels = Readonly<Record<string, string>>;

export interface MetricSample {
  readonly labels: Labels;
  readonly value: number;
}

export interface HistogramSample {
  readonly labels: Labels;
  readonly value: HistogramSnapshot;
}

interface MetricFacts {
  readonly name: string;
  /** One sentence without a full stop, for the page and for Prometheus. */
  readonly help: string;
  /** Names of labels; their values come from short lists that no client can make longer. */
  readonly labels: readonly string[];
}

/** One metric, and how it is read when Prometheus asks. */
export type MetricDefinition = MetricFacts &
  (
    | { readonly type: 'counter' | 'gauge'; readonly read: (source: MetricSource) => readonly MetricSample[] }
    | { readonly type: 'histogram'; readonly read: (source: MetricSource) => readonly HistogramSample[] }
  );

type Number = (source: MetricSource) => number | undefined;
type Numbers = (source: MetricSource) => Readonly<Record<string, number>>;

/** Without a label; no sample where there is no number. */
export function single(type: 'counter' | 'gauge', name: string, help: string, read: Number): MetricDefinition {
  return {
    type,
    name,
    help,
    labels: [],
    read: (source) => {
      const value = read(source);
      return value === undefined ? [] : [{ labels: {}, value }];
    },
  };
}

/** One sample for each value of a label. */
export function labelled(
  type: 'counter' | 'gauge',
  [name, label]: readonly [string, string],
  help: string,
  read: Numbers,
): MetricDefinition {
  return {
    type,
    name,
    help,
    labels: [label],
    read: (source) => Object.entries(read(source)).map(([key, value]) => ({ labels: { [label]: key }, value })),
  };
}

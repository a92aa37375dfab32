import type { Metric } from 'prom-client';
import type { HistogramSample, MetricDefinition, MetricSource } from './metric-definition.js';
import { metricDefinitions } from './metric-definitions.js';

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

interface PageSample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** What Prometheus reads. Everything was counted before: a scrape only writes it down. */
export async function renderMetrics(source: MetricSource): Promise<string> {
  // Loaded by the first scrape: most relays are never asked.
  const { Registry } = await import('prom-client');
  const registry = new Registry();
  for (const definition of metricDefinitions) registry.registerMetric(asMetric(definition, source));
  return await registry.metrics();
}

/** What a registry asks of a metric, without a count of its own. */
function asMetric(definition: MetricDefinition, source: MetricSource): Metric {
  const { name, help, type } = definition;
  const values = definition.type === 'histogram' ? bucketsOf(name, definition.read(source)) : definition.read(source);
  const metric = { name, help, type, aggregator: 'sum', get: () => Promise.resolve({ name, help, type, values }) };
  return metric as unknown as Metric;
}

function bucketsOf(name: string, samples: readonly HistogramSample[]): readonly PageSample[] {
  return samples.flatMap(({ labels, value: { bounds, counts, sum, count } }) => {
    let below = 0;
    const buckets = counts.map((inBucket, index): PageSample => {
      below += inBucket;
      return { metricName: `${name}_bucket`, labels: { ...labels, le: bounds[index] ?? '+Inf' }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  });
}

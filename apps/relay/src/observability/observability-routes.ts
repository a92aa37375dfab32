import type { RelayServer } from '@sealane/server';
import type { Route } from '../admin/route.js';
import { object } from '../admin/schemas.js';
import type { Configuration } from '../settings/configuration.js';
import { observabilitySettings } from '../settings/observability-settings.js';
import { METRICS_CONTENT_TYPE, renderMetrics } from './metrics-page.js';
import type { ProcessMeter } from './process-meter.js';
import { notReadyReasons, whyNotReady } from './readiness.js';

export interface ObservabilityParts {
  readonly relay: RelayServer;
  readonly meter: ProcessMeter;
  readonly configuration: Configuration;
  readonly version: string;
}

const tag = 'observability';
const readiness = object({
  ready: { type: 'boolean' },
  reasons: { type: 'array', items: { type: 'string', enum: notReadyReasons } },
});

/** What monitoring asks of a relay, beside the admin API. */
export function observabilityRoutes({ relay, meter, configuration, version }: ObservabilityParts): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/metrics',
      get role() {
        return configuration.get(observabilitySettings.metricsOpen) ? 'anyone' : 'read';
      },
      id: 'getMetrics',
      tag,
      summary: 'What Prometheus reads; needs no token where metrics.open is set',
      success: { status: 200, description: 'Metrics', type: 'text/plain', schema: { type: 'string' } },
      handle: async () => ({
        text: await renderMetrics({ relay: relay.metrics(), process: await meter.read(), version }),
        type: METRICS_CONTENT_TYPE,
      }),
    },
    {
      method: 'GET',
      path: '/healthz',
      role: 'anyone',
      id: 'getHealth',
      tag,
      summary: 'The process answers',
      success: { status: 200, description: 'It does', schema: object({ status: { type: 'string', const: 'ok' } }) },
      handle: () => ({ json: { status: 'ok' } }),
    },
    {
      method: 'GET',
      path: '/readyz',
      role: 'anyone',
      id: 'getReadiness',
      tag,
      summary: 'Whether clients should be sent here: not while it drains, is short of memory or has all its sockets',
      success: [
        { status: 200, description: 'It is ready', schema: readiness },
        { status: 503, description: 'It is not, and why', schema: readiness },
      ],
      handle: () => {
        const reasons = whyNotReady(relay.metrics());
        return { status: reasons.length === 0 ? 200 : 503, json: { ready: reasons.length === 0, reasons } };
      },
    },
  ];
}

import type { AdminParts } from './admin-parts.js';
import type { Route } from './route.js';
import { ref } from './schemas.js';

/** What the relay is, and what it does now. */
export function relayRoutes({ relay, url, version }: AdminParts): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/relay',
      role: 'read',
      id: 'getRelay',
      tag: 'relay',
      summary: 'The relay: its id, where it listens, and counts',
      success: { status: 200, description: 'The relay', schema: ref('Relay') },
      handle: () => ({ json: { id: relay.id, url, version, statistics: relay.statistics() } }),
    },
  ];
}

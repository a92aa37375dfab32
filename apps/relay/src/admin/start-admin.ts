import { isLoopback, type ListenAddress } from '../listen-address.js';
import { adminSettings } from '../settings/admin-settings.js';
import { AccessTokens } from './access-tokens.js';
import { announceAdminUrl, ensureAdminToken } from './admin-files.js';
import { AdminListener } from './admin-listener.js';
import type { AdminParts } from './admin-parts.js';
import { createOpenApi } from './openapi.js';
import { relayRoutes } from './relay-routes.js';
import type { Route } from './route.js';
import { ref, schemas } from './schemas.js';

export interface Admin {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the admin API, and the routes of others beside it. The first token is in the data directory before anybody is served.
 * @throws ERR_LISTEN, ERR_KEY_FILE_*, ERR_DATABASE*
 */
export async function startAdmin(
  address: ListenAddress,
  parts: AdminParts,
  others: readonly Route[] = [],
): Promise<Admin> {
  const { configuration, database, output, dataDir, version } = parts;
  const tokens = new AccessTokens(database);
  if (await ensureAdminToken(dataDir, tokens)) {
    database.audit.record({ actor: 'relay', action: 'token.new', subject: 'admin-token', details: { role: 'admin' } });
  }
  await database.durable();
  const served = [...relayRoutes(parts), ...others];
  const routes: Route[] = [...served];
  routes.push(documentRoute(() => createOpenApi({ routes, schemas, version })));
  const listener = await AdminListener.listen(
    {
      routes,
      schemas,
      tokens,
      hosts: () => configuration.get(adminSettings.hosts),
      addressOf: ({ socket }) => socket.remoteAddress ?? '',
      onThrottled: (from) => {
        database.audit.record({ actor: 'anyone', action: 'login.throttled', subject: from });
        output.trouble('ADMIN_LOGIN', `somebody at ${from} tries tokens of the admin API`);
      },
      onFault: (error) => output.fault(error),
    },
    address,
  );
  const takeBack = await announceAdminUrl(dataDir, listener.url);
  if (!isLoopback(address.host)) {
    const text = 'the admin API can be reached from other machines, and what is sent to it is not encrypted';
    output.warning('ADMIN_PLAIN', `${text}: put a proxy with TLS before it`);
  }
  return {
    url: listener.url,
    close: async () => {
      takeBack();
      await listener.close();
    },
  };
}

function documentRoute(create: () => unknown): Route {
  return {
    method: 'GET',
    path: '/api/v1/openapi.json',
    role: 'anyone',
    id: 'getOpenApi',
    tag: 'relay',
    summary: 'This document',
    success: { status: 200, description: 'OpenAPI 3.1', schema: ref('OpenApi') },
    handle: () => ({ json: create() }),
  };
}

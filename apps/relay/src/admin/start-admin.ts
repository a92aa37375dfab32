import { isLoopback, type ListenAddress } from '../listen-address.js';
import { adminSettings } from '../settings/admin-settings.js';
import { AccessTokens } from './access-tokens.js';
import { ADMIN_TOKEN_FILE, announceAdminUrl, ensureAdminToken } from './admin-files.js';
import { AdminListener } from './admin-listener.js';
import type { AdminParts, RouteParts } from './admin-parts.js';
import { createOpenApi } from './openapi.js';
import { policyRoutes } from './policy-routes.js';
import { recordRoutes, removeOldCopies } from './record-routes.js';
import { relayRoutes } from './relay-routes.js';
import type { Route } from './route.js';
import { ref, schemas } from './schemas.js';
import { settingsRoutes } from './settings-routes.js';
import { tokenRoutes } from './token-routes.js';

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
  const { configuration, database, output, dataDir, relay, feed } = parts;
  const tokens = new AccessTokens(database);
  tokens.onRevoked = (id) => feed.endToken(id);
  feed.watchTokens((id) => tokens.isUsable(id));
  database.audit.onEntry = (entry) => feed.tell('audit', { ...entry });
  removeOldCopies(dataDir);
  const fileToken = await ensureAdminToken(dataDir, tokens);
  if (fileToken.isNew) {
    const details = { role: 'admin', label: ADMIN_TOKEN_FILE };
    database.audit.record({ actor: 'relay', action: 'access-token.new', subject: ADMIN_TOKEN_FILE, details });
  }
  await database.durable();
  const routes = adminRoutes({ ...parts, tokens }, others);
  const listener = await AdminListener.listen(
    {
      routes,
      schemas,
      tokens,
      hosts: () => configuration.get(adminSettings.hosts),
      addressOf: (request) => relay.inspection.addressOf(request),
      fileToken: fileToken.id,
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
      feed.close();
      await listener.close();
    },
  };
}

/** All that is answered: of the API, of others beside it, and the document of both. */
export function adminRoutes(parts: RouteParts, others: readonly Route[] = []): readonly Route[] {
  const { control, relay, tokens, database, version } = parts;
  const routes: Route[] = [
    ...relayRoutes(parts),
    ...policyRoutes(control),
    ...settingsRoutes(control, relay),
    ...tokenRoutes(tokens, database.audit),
    ...recordRoutes(parts),
    ...others,
  ];
  routes.push(documentRoute(() => createOpenApi({ routes, schemas, version })));
  return routes;
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

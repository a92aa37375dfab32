import type { RouteParts } from './admin-parts.js';
import { ApiError } from './api-error.js';
import type { Route } from './route.js';
import { idParameter, pageAnswer, pageParameters, pageQuery } from './route-parameters.js';
import { ref } from './schemas.js';

type RelayRouteParts = Pick<RouteParts, 'relay' | 'control' | 'url' | 'version'>;

/** What the relay is, who uses it now, and the way to end that. */
export function relayRoutes({ relay, control, url, version }: RelayRouteParts): readonly Route[] {
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
    {
      method: 'GET',
      path: '/api/v1/leases',
      role: 'read',
      id: 'listLeases',
      tag: 'traffic',
      summary: 'Leases that are served now, by id and service',
      parameters: [...pageParameters, idParameter('query', 'id', 'of this identity alone')],
      success: { status: 200, description: 'A page of them', schema: ref('LeasePage') },
      handle: (call) => pageAnswer(relay.inspection.leases({ ...pageQuery(call), id: textOf(call.query['id']) })),
    },
    {
      method: 'DELETE',
      path: '/api/v1/leases/{id}',
      role: 'operate',
      id: 'endLeases',
      tag: 'traffic',
      summary:
        'Ends the leases of an identity with their sessions; their owner is told and does not take them back by itself',
      parameters: [
        idParameter('path', 'id', 'of the identity'),
        {
          in: 'query',
          name: 'service',
          description: 'of this service alone, which may be empty',
          schema: { type: 'string', maxLength: 63 },
        },
        { in: 'query', name: 'reason', description: 'told to the owner', schema: { type: 'string', maxLength: 200 } },
      ],
      success: { status: 204, description: 'They have ended' },
      errors: ['NOT_FOUND'],
      handle: async ({ path, query, actor }) => {
        const target = { identity: path['id'] ?? '', service: textOf(query['service']) };
        if (!(await control.endLeases(target, textOf(query['reason']) ?? '', actor))) {
          throw new ApiError('NOT_FOUND', 'there is no such lease');
        }
        return { status: 204 };
      },
    },
    {
      method: 'GET',
      path: '/api/v1/sessions',
      role: 'read',
      id: 'listSessions',
      tag: 'traffic',
      summary: 'Relayed sessions, the oldest first',
      parameters: [...pageParameters, idParameter('query', 'owner', 'of this owner alone')],
      success: { status: 200, description: 'A page of them', schema: ref('SessionPage') },
      handle: (call) =>
        pageAnswer(relay.inspection.sessions({ ...pageQuery(call), owner: textOf(call.query['owner']) })),
    },
    {
      method: 'DELETE',
      path: '/api/v1/sessions/{session}',
      role: 'operate',
      id: 'endSession',
      tag: 'traffic',
      summary: 'Ends a relayed session; its clients may begin another one',
      parameters: [
        {
          in: 'path',
          name: 'session',
          description: 'its number, as lists and events have it',
          schema: { type: 'string', pattern: '^[0-9]{1,15}$' },
        },
      ],
      success: { status: 204, description: 'It has ended' },
      errors: ['NOT_FOUND'],
      handle: async ({ path, actor }) => {
        if (!(await control.endSession(Number(path['session']), actor))) {
          throw new ApiError('NOT_FOUND', 'there is no such session');
        }
        return { status: 204 };
      },
    },
    {
      method: 'GET',
      path: '/api/v1/identities',
      role: 'read',
      id: 'listIdentities',
      tag: 'traffic',
      summary: 'Identities that are connected, by id; dialers who show none have one for each link',
      parameters: pageParameters,
      success: { status: 200, description: 'A page of them', schema: ref('IdentityPage') },
      handle: (call) => pageAnswer(relay.inspection.identities(pageQuery(call))),
    },
    {
      method: 'GET',
      path: '/api/v1/identities/{id}',
      role: 'read',
      id: 'getIdentity',
      tag: 'traffic',
      summary: 'One identity that is connected',
      success: { status: 200, description: 'The identity', schema: ref('Identity') },
      errors: ['NOT_FOUND'],
      handle: ({ path }) => {
        const identity = relay.inspection.identity(path['id'] ?? '');
        if (identity === undefined) throw new ApiError('NOT_FOUND', 'this identity is not connected');
        return { json: identity };
      },
    },
  ];
}

function textOf(value: string | number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

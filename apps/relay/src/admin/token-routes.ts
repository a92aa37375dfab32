import { firstPage } from '@sealane/server';
import type { AccessRole, AccessToken } from '../database/access-token-repository.js';
import type { AuditLog, NewAuditEntry } from '../database/audit-log.js';
import type { AccessTokens } from './access-tokens.js';
import { ApiError } from './api-error.js';
import type { Route } from './route.js';
import { idParameter, pageAnswer, pageParameters, pageQuery } from './route-parameters.js';
import { ref } from './schemas.js';

/** Tokens of this API. */
export function tokenRoutes(tokens: AccessTokens, audit: AuditLog): readonly Route[] {
  const tag = 'tokens';
  const record = async (entry: NewAuditEntry): Promise<void> => {
    audit.record(entry);
    await audit.flush();
  };
  return [
    {
      method: 'GET',
      path: '/api/v1/tokens',
      role: 'admin',
      id: 'listTokens',
      tag,
      summary: 'Tokens of this API, the oldest first, those that do not hold any more among them',
      parameters: pageParameters,
      success: { status: 200, description: 'A page of them', schema: ref('TokenPage') },
      handle: (call) =>
        pageAnswer(
          firstPage(tokens.list(), tokenKey, pageQuery(call), (token) => tokenView(token, tokens.lastUsedMs(token))),
        ),
    },
    {
      method: 'POST',
      path: '/api/v1/tokens',
      role: 'admin',
      id: 'createToken',
      tag,
      summary: 'Makes a token of this API; it is told once',
      body: ref('NewToken'),
      success: { status: 201, description: 'The token', schema: ref('IssuedToken') },
      errors: ['CONFLICT'],
      handle: async ({ body, actor }) => {
        const {
          role,
          label = '',
          expiresAtMs = null,
        } = body as {
          role: AccessRole;
          label?: string;
          expiresAtMs?: number | null;
        };
        if (expiresAtMs !== null && expiresAtMs <= Date.now()) {
          throw new ApiError('INVALID', 'body.expiresAtMs has passed');
        }
        const { token, text } = tokens.create({ role, label, expiresAt: expiresAtMs, createdBy: actor });
        const details = { role, label, expiresAtMs };
        await record({ actor, action: 'access-token.new', subject: token.id, details });
        return { status: 201, json: { ...tokenView(token), token: text } };
      },
    },
    {
      method: 'DELETE',
      path: '/api/v1/tokens/{id}',
      role: 'admin',
      id: 'revokeToken',
      tag,
      summary: 'Ends a token at once, and the streams of events under it',
      parameters: [idParameter('path', 'id', 'of the token')],
      success: { status: 204, description: 'It is revoked' },
      errors: ['NOT_FOUND'],
      handle: async ({ path, actor }) => {
        const { id = '' } = path;
        if (!tokens.revoke(id)) throw new ApiError('NOT_FOUND', 'there is no token of this id that holds');
        await record({ actor, action: 'access-token.revoke', subject: id });
        return { status: 204 };
      },
    },
  ];
}

function tokenKey({ createdAt, id }: AccessToken): string {
  return `${String(createdAt).padStart(15, '0')} ${id}`;
}

function tokenView(token: AccessToken, lastUsedAtMs: number | null = null): Readonly<Record<string, unknown>> {
  const { id, role, label, createdAt, createdBy, expiresAt, revokedAt } = token;
  return {
    id,
    role,
    label,
    createdBy,
    createdAtMs: createdAt,
    expiresAtMs: expiresAt,
    revokedAtMs: revokedAt,
    lastUsedAtMs,
  };
}

import { type BanKind, firstPage } from '@sealane/server';
import type { Approval, ApprovalState } from '../database/approval-repository.js';
import type { RelayControl } from '../relay-control.js';
import { ApiError } from './api-error.js';
import type { Route } from './route.js';
import { idParameter, pageAnswer, pageParameters, pageQuery } from './route-parameters.js';
import { ref, schemas } from './schemas.js';

/** Who is let in, and who is not. */
export function policyRoutes(control: RelayControl): readonly Route[] {
  return [...banRoutes(control), ...approvalRoutes(control), ...enrolmentRoutes(control)];
}

function banRoutes(control: RelayControl): readonly Route[] {
  const tag = 'bans';
  return [
    {
      method: 'GET',
      path: '/api/v1/bans',
      role: 'read',
      id: 'listBans',
      tag,
      summary: 'Bans in force, by kind and value',
      parameters: pageParameters,
      success: { status: 200, description: 'A page of them', schema: ref('BanPage') },
      handle: (call) =>
        pageAnswer(
          firstPage(
            control.bans(),
            ({ kind, value }) => `${kind} ${value}`,
            pageQuery(call),
            (ban) => ban,
          ),
        ),
    },
    {
      method: 'POST',
      path: '/api/v1/bans',
      role: 'operate',
      id: 'addBan',
      tag,
      summary:
        'Bans an id, a name, an address or a network; what it has open ends at once. An earlier ban of the same is replaced',
      body: ref('NewBan'),
      success: { status: 201, description: 'It is in force, and kept', schema: ref('Ban') },
      handle: async ({ body, actor }) => ({
        status: 201,
        json: await control.ban(body as { kind: BanKind; value: string }, actor),
      }),
    },
    {
      method: 'DELETE',
      path: '/api/v1/bans/{kind}/{value}',
      role: 'operate',
      id: 'liftBan',
      tag,
      summary: 'Lifts a ban; of a network the slash is written %2F',
      parameters: [
        { in: 'path', name: 'kind', description: 'what is banned', schema: ref('BanKind') },
        idParameter('path', 'value', 'the id, name, address or network'),
      ],
      success: { status: 204, description: 'It is lifted' },
      errors: ['NOT_FOUND'],
      handle: async ({ path, actor }) => {
        const { kind, value = '' } = path;
        if (!(await control.unban(kind as BanKind, value, actor)))
          throw new ApiError('NOT_FOUND', 'there is no such ban');
        return { status: 204 };
      },
    },
  ];
}

function approvalRoutes(control: RelayControl): readonly Route[] {
  const tag = 'approvals';
  const identity = idParameter('path', 'identity', 'its id');
  return [
    {
      method: 'GET',
      path: '/api/v1/approvals',
      role: 'read',
      id: 'listApprovals',
      tag,
      summary: 'Who waits for an operator, and what was decided; the longest waiting first',
      parameters: [
        ...pageParameters,
        { in: 'query', name: 'state', description: 'those alone', schema: schemas.ApprovalState },
      ],
      success: { status: 200, description: 'A page of them', schema: ref('ApprovalPage') },
      handle: (call) => {
        const all = control.approvals(call.query['state'] as ApprovalState | undefined);
        return pageAnswer(firstPage(all, approvalKey, pageQuery(call), approvalView));
      },
    },
    {
      method: 'PUT',
      path: '/api/v1/approvals/{identity}',
      role: 'operate',
      id: 'decideApproval',
      tag,
      summary: 'Approves or denies; leases that wait are let in or refused at once, and what a denial concerns ends',
      parameters: [identity],
      body: ref('Decision'),
      success: { status: 200, description: 'It holds, and is kept', schema: ref('Approval') },
      handle: async ({ path, body, actor }) => {
        const { state, service, reason = '' } = body as { state: ApprovalState; service?: string; reason?: string };
        const target = { identity: path['identity'] ?? '', service };
        const decided =
          state === 'approved' ? await control.approve(target, actor) : await control.deny(target, reason, actor);
        return { json: approvalView(decided) };
      },
    },
    {
      method: 'DELETE',
      path: '/api/v1/approvals/{identity}',
      role: 'operate',
      id: 'withdrawApproval',
      tag,
      summary: 'Takes a decision back: what it let in ends at once, and waits again',
      parameters: [
        identity,
        {
          in: 'query',
          name: 'service',
          description: 'what was decided about this service; without it about all of the identity',
          schema: { type: 'string', maxLength: 255 },
        },
      ],
      success: { status: 204, description: 'It is taken back' },
      errors: ['NOT_FOUND'],
      handle: async ({ path, query, actor }) => {
        const service = query['service'] === undefined ? undefined : String(query['service']);
        const target = { identity: path['identity'] ?? '', service };
        if (!(await control.withdraw(target, actor))) throw new ApiError('NOT_FOUND', 'nothing was decided about this');
        return { status: 204 };
      },
    },
  ];
}

function enrolmentRoutes(control: RelayControl): readonly Route[] {
  const tag = 'enrolment tokens';
  return [
    {
      method: 'GET',
      path: '/api/v1/enrolment-tokens',
      role: 'operate',
      id: 'listEnrolmentTokens',
      tag,
      summary: 'Enrolment tokens that hold, by id, with how many identities each has enrolled',
      parameters: pageParameters,
      success: { status: 200, description: 'A page of them', schema: ref('EnrolmentTokenPage') },
      handle: (call) =>
        pageAnswer(
          firstPage(
            control.enrolmentTokens(),
            ({ id }) => id,
            pageQuery(call),
            ({ identities, ...token }) => ({
              ...token,
              enrolled: identities.length,
            }),
          ),
        ),
    },
    {
      method: 'POST',
      path: '/api/v1/enrolment-tokens',
      role: 'operate',
      id: 'createEnrolmentToken',
      tag,
      summary: 'Makes an enrolment token; it is told once',
      body: ref('NewEnrolmentToken'),
      success: { status: 201, description: 'The token', schema: ref('IssuedEnrolmentToken') },
      handle: async ({ body, actor }) => {
        const {
          uses = 1,
          expiresAtMs = null,
          note = '',
        } = body as {
          uses?: number | null;
          expiresAtMs?: number | null;
          note?: string;
        };
        return { status: 201, json: await control.createEnrolmentToken({ uses, expiresAtMs, note }, actor) };
      },
    },
    {
      method: 'DELETE',
      path: '/api/v1/enrolment-tokens/{id}',
      role: 'operate',
      id: 'revokeEnrolmentToken',
      tag,
      summary: 'Ends an enrolment token, and what those have open whom it enrolled',
      parameters: [idParameter('path', 'id', 'of the token')],
      success: { status: 204, description: 'It is revoked' },
      errors: ['NOT_FOUND'],
      handle: async ({ path, actor }) => {
        if (!(await control.revokeEnrolmentToken(path['id'] ?? '', actor))) {
          throw new ApiError('NOT_FOUND', 'there is no token of this id');
        }
        return { status: 204 };
      },
    },
  ];
}

function approvalKey({ requestedAt, identity, service }: Approval): string {
  return `${String(requestedAt).padStart(15, '0')} ${identity} ${service}`;
}

function approvalView({ requestedAt, decidedAt, ...approval }: Approval): unknown {
  return { ...approval, requestedAtMs: requestedAt, decidedAtMs: decidedAt };
}

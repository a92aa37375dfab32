import { readFile } from 'node:fs/promises';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { apiErrors } from '../../src/admin/api-error.js';
import { HostileClient } from '../hostile-client.js';
import { AdminStage, type Answered } from './admin-stage.js';

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly 'x-sealane-role': string;
  readonly requestBody?: unknown;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

let stage: AdminStage;
let owner: HostileClient;
let ended: HostileClient;
let document: Document;
let operations: ReadonlyMap<string, Operation>;

beforeAll(async () => {
  stage = await AdminStage.start();
  owner = await HostileClient.connect(stage.relayUrl);
  owner.acceptsAll = true;
  await owner.register({ service: 'a', name: 'blue' });
  const dialer = await HostileClient.connect(stage.relayUrl);
  dialer.openTo(owner, { service: 'a' });
  await stage.process.waitFor('session-open');
  ended = await HostileClient.connect(stage.relayUrl);
  await ended.register({ service: 'a' });
  document = (await stage.ask('GET', '/api/v1/openapi.json', { token: '' })).json;
  operations = new Map(
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
    ),
  );
});
afterAll(async () => {
  await stage.close();
});

interface Example {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: unknown;
  readonly status?: number;
  /** What has to be in the answer. */
  readonly expected?: object;
}

const nobody = 'a'.repeat(55);
const page = (item: object) => ({ items: expect.arrayContaining([expect.objectContaining(item)]) });
const missing = { status: 404, expected: { error: expect.objectContaining({ code: 'NOT_FOUND' }) } };
const invalid = { status: 400, expected: { error: expect.objectContaining({ code: 'INVALID' }) } };

/** How each operation is called, in this order; later ones use what earlier ones made. */
function examples(): Readonly<Record<string, readonly Example[]>> {
  const id = owner.credential.id;
  const ban = { kind: 'network', value: '192.0.2.0/24' };
  const change = { changed: ['limits.maxLeases'], needsRestart: [] };
  return {
    'GET /api/v1/openapi.json': [{}],
    'GET /api/v1/relay': [{ expected: { id: stage.relayId, url: stage.relayUrl, version: expect.any(String) } }],
    'GET /api/v1/leases': [
      { expected: page({ id, service: 'a', name: 'blue', sessions: 1 }) },
      { query: `id=${nobody}`, expected: { items: [] } },
      { query: 'limit=0', ...invalid },
      { query: 'limit=1001', ...invalid },
    ],
    'GET /api/v1/sessions': [
      {
        query: `owner=${id}&limit=1`,
        expected: page({ owner: id, service: 'a', connection: '0'.repeat(32), resume: null }),
      },
    ],
    'GET /api/v1/identities': [{ expected: page({ id, leases: 1, sessions: 1 }) }],
    'GET /api/v1/identities/{id}': [
      { path: { id }, expected: { id, leases: 1 } },
      { path: { id: nobody }, ...missing },
    ],
    'DELETE /api/v1/leases/{id}': [
      { path: { id: nobody }, ...invalid },
      { path: { id }, query: 'service=other', ...missing },
      { path: { id: ended.credential.id }, query: 'service=a&reason=old', status: 204 },
    ],
    'DELETE /api/v1/sessions/{session}': [
      { path: { session: 'x' }, ...invalid },
      { path: { session: '99' }, ...missing },
      { path: { session: '1' }, status: 204 },
    ],
    'POST /api/v1/bans': [
      { body: { ...ban, reason: 'flood' }, status: 201, expected: { ...ban, reason: 'flood', expiresAtMs: null } },
      { body: { kind: 'network', value: '192.0.2.1/24' }, ...invalid },
      { body: { kind: 'id', value: 'nonsense' }, ...invalid },
      { body: { ...ban, expiresAtMs: 1 }, ...invalid },
    ],
    'GET /api/v1/bans': [{ expected: page(ban) }],
    'DELETE /api/v1/bans/{kind}/{value}': [
      { path: { kind: 'network', value: '192.0.2.0/24' }, status: 204 },
      { path: { kind: 'network', value: '192.0.2.0/24' }, ...missing },
      { path: { kind: 'planet', value: 'x' }, ...invalid },
    ],
    'PUT /api/v1/approvals/{identity}': [
      {
        path: { identity: id },
        body: { state: 'approved' },
        expected: { identity: id, service: '*', state: 'approved' },
      },
      {
        path: { identity: id },
        body: { state: 'denied', service: 'b', reason: 'no' },
        expected: { service: 'b', reason: 'no' },
      },
      { path: { identity: 'x' }, body: { state: 'approved' }, ...invalid },
      { path: { identity: id }, body: { state: 'pending' }, ...invalid },
    ],
    'GET /api/v1/approvals': [
      { query: 'state=denied', expected: page({ identity: id, service: 'b', state: 'denied' }) },
    ],
    'DELETE /api/v1/approvals/{identity}': [
      { path: { identity: id }, query: 'service=b', status: 204 },
      { path: { identity: id }, query: 'service=b', ...missing },
    ],
    'POST /api/v1/enrolment-tokens': [
      {
        body: { uses: null, note: 'lab' },
        status: 201,
        expected: { uses: null, note: 'lab', token: expect.any(String) },
      },
      { body: { uses: 0 }, ...invalid },
    ],
    'GET /api/v1/enrolment-tokens': [{ expected: page({ note: 'lab', enrolled: 0 }) }],
    'DELETE /api/v1/enrolment-tokens/{id}': [{ path: { id: 'ffff' }, ...missing }],
    'POST /api/v1/tokens': [
      { body: { role: 'read', label: 'x' }, status: 201, expected: { role: 'read', token: expect.any(String) } },
      { body: { role: 'king' }, ...invalid },
      { body: { role: 'read', expiresAtMs: 1 }, ...invalid },
    ],
    'GET /api/v1/tokens': [
      { expected: page({ role: 'read', label: 'x', lastUsedAtMs: null }) },
      { expected: page({ label: 'admin-token', lastUsedAtMs: expect.any(Number) }) },
    ],
    'DELETE /api/v1/tokens/{id}': [{ path: { id: 'ffff' }, ...missing }],
    'GET /api/v1/settings': [
      { expected: page({ path: 'admin.listen', value: '127.0.0.1:0', origin: '--admin-listen' }) },
    ],
    'GET /api/v1/settings/{path}': [
      { path: { path: 'limits.maxLeases' }, expected: { origin: 'default' } },
      { path: { path: 'limits.maxLease' }, ...missing },
    ],
    'PUT /api/v1/settings/{path}': [
      { path: { path: 'limits.maxLeases' }, body: { value: 7 }, expected: change },
      { path: { path: 'names.reserved' }, body: { value: ['admin'] }, expected: { changed: ['names.reserved'] } },
      { path: { path: 'limits.maxLeases' }, body: { value: 'many' }, ...invalid },
      { path: { path: 'listen' }, body: { value: '127.0.0.1:1' }, ...invalid },
      { path: { path: 'limits.maxLease' }, body: { value: 7 }, ...invalid },
    ],
    'DELETE /api/v1/settings/{path}': [
      { path: { path: 'limits.maxLeases' }, expected: change },
      { path: { path: 'limits.maxLeases' }, ...missing },
    ],
    'POST /api/v1/settings/reload': [{ expected: { changed: [], needsRestart: [] } }],
    'PUT /api/v1/limits/{name}': [
      { path: { name: 'maxLeases' }, body: { value: '8' }, expected: change },
      { path: { name: 'nothing' }, body: { value: 8 }, ...missing },
    ],
    'GET /api/v1/limits': [{ expected: page({ name: 'maxLeases', value: 8, inForce: 8, origin: 'run time' }) }],
    'DELETE /api/v1/limits/{name}': [{ path: { name: 'maxLeases' }, expected: change }],
    'GET /api/v1/audit': [
      { query: 'limit=2', expected: { next: expect.any(Number) } },
      { query: 'before=2', expected: page({ id: 1, actor: 'relay' }) },
    ],
    'GET /api/v1/events': [{}],
    'POST /api/v1/backup': [{}],
    'GET /metrics': [{}],
    'GET /healthz': [{ expected: { status: 'ok' } }],
    'GET /readyz': [{ expected: { ready: true, reasons: [] } }],
  };
}

it('the document is OpenAPI 3.1, its schemas are strict, and every operation has a name of its own', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document) as never);
  expect([valid, errors, document.openapi]).toEqual([true, undefined, '3.1.0']);
  const validate = createValidator();
  for (const name of Object.keys(document.components.schemas)) {
    expect(validate({ $ref: `#/components/schemas/${name}` }, Symbol('nothing'))).not.toEqual([]);
  }
  const ids = [...operations.values()].map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

it('every operation is what the document says: the answers, and the errors', async () => {
  const calls = examples();
  expect(Object.keys(calls).sort()).toEqual([...operations.keys()].sort());
  const validate = createValidator();
  for (const [name, all] of Object.entries(calls)) {
    for (const example of all) {
      const answer = await call(name, example);
      expect([name, answer.status]).toEqual([name, example.status ?? 200]);
      const documented = operations.get(name)!.responses[answer.status];
      const schema = documented?.content?.[answer.type.split(';')[0] ?? '']?.schema;
      expect([name, answer.status, documented !== undefined]).toEqual([name, answer.status, true]);
      if (answer.status !== 204) expect([name, schema]).toEqual([name, expect.any(Object)]);
      if (answer.json !== undefined)
        expect([name, answer.json, validate(schema!, answer.json)]).toEqual([name, answer.json, []]);
      if (example.expected !== undefined) expect(answer.json).toMatchObject(example.expected);
    }
  }
});

it('nothing is answered that is not in it: other methods and paths are refused, and it says which are possible', async () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    const known = Object.keys(methods).map((method) => method.toUpperCase());
    const target = path.replace(/\{\w+\}/g, 'x');
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      if (known.includes(method)) continue;
      const response = await fetch(stage.url + target, { method, headers: { Authorization: `Bearer ${stage.token}` } });
      await response.arrayBuffer();
      expect([target, method, response.status, response.headers.get('allow')?.split(', ').sort()]).toEqual([
        target,
        method,
        405,
        known.sort(),
      ]);
    }
    for (const other of [`${target}/x/y/z`, `${target}/`])
      expect([other, (await stage.ask('GET', other)).status]).toEqual([other, 404]);
  }
});

it('each role may do what the document says, and no more', async () => {
  const order = ['read', 'operate', 'admin'] as const;
  // What is wrong with every body, so that nothing is done that is allowed.
  const body = { nothing: 1 };
  for (const role of order) {
    const { token } = await stage.tokenOf(role);
    for (const [name, operation] of operations) {
      const needs = operation['x-sealane-role'];
      if (needs === 'anyone') continue;
      const isAllowed = order.indexOf(role) >= order.indexOf(needs as never);
      if (isAllowed && ['POST /api/v1/backup', 'POST /api/v1/settings/reload'].includes(name)) continue;
      const { status, json } = await call(name, operation.requestBody === undefined ? {} : { body }, token);
      if (isAllowed) expect([name, role, [200, 400, 404].includes(status)]).toEqual([name, role, true]);
      else expect([name, role, status, json]).toMatchObject([name, role, 403, { error: { code: 'FORBIDDEN' } }]);
    }
  }
  for (const [name, operation] of operations) {
    const { status } = await call(name, { body: operation.requestBody === undefined ? undefined : {} }, '');
    expect([name, status]).toEqual([name, operation['x-sealane-role'] === 'anyone' ? 200 : 401]);
  }
});

it('docs/admin-api.md lists each operation with its role, and each code of errors', async () => {
  const text = await readFile(new URL('../../../../docs/admin-api.md', import.meta.url), 'utf8');
  const listed = [...text.matchAll(/^\| `([A-Z]+ \/[^`]*)` \| (\w+) \| (.*) \|$/gm)].map((match) => match.slice(1));
  const expected = [...operations].map(([name, operation]) => [name, operation['x-sealane-role'], operation.summary]);
  expect(listed).toEqual(expected);
  const codes = [...text.matchAll(/^\| `([A-Z_]+)` \| (\d{3}) \|/gm)].map((match) => [match[1], Number(match[2])]);
  expect(codes).toEqual(Object.entries(apiErrors).map(([code, [status]]) => [code, status]));
});

async function call(name: string, example: Example, token?: string): Promise<Answered> {
  const [method = '', template = ''] = name.split(' ');
  const path = template.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(example.path?.[key] ?? 'x'));
  const target = example.query === undefined ? path : `${path}?${example.query}`;
  if (name !== 'GET /api/v1/events') return await stage.ask(method, target, { token, body: example.body });
  // It would never end.
  const controller = new AbortController();
  const headers = token === '' ? {} : { Authorization: `Bearer ${token ?? stage.token}` };
  const response = await fetch(stage.url + target, { headers, signal: controller.signal });
  const type = response.headers.get('content-type') ?? '';
  const json = (response.ok ? undefined : await response.json()) as never;
  controller.abort();
  return { status: response.status, type, json };
}

/** The problems of a value, by the schemas of the document and a library that has nothing to do with ours. */
function createValidator(): (schema: object, value: unknown) => readonly unknown[] {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
  const toLocal = (schema: object): object =>
    JSON.parse(JSON.stringify(schema).replaceAll('#/components/schemas/', '#/$defs/'));
  const $defs = toLocal(document.components.schemas);
  return (schema, value) => {
    const validate = ajv.compile({ $defs, ...toLocal(schema) });
    return validate(value) ? [] : (validate.errors ?? []);
  };
}

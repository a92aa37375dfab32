import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '@sealane/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AccessTokens } from '../../src/admin/access-tokens.js';
import { AdminListener } from '../../src/admin/admin-listener.js';
import type { Route } from '../../src/admin/route.js';
import { object, ref, schemas } from '../../src/admin/schemas.js';
import type { AccessRole } from '../../src/database/access-token-repository.js';
import { RelayDatabase } from '../../src/database/relay-database.js';

let directory: string;
let database: RelayDatabase;
let tokens: AccessTokens;
let listener: AdminListener;
let clock: VirtualClock;
let faults: unknown[];
let throttled: string[];
let hosts: string[];

const answer = { status: 200, description: 'what was asked', schema: ref('OpenApi') };
const plain = { id: 'x', tag: 'test', summary: 'for tests', success: answer } as const;
const routes: readonly Route[] = [
  { ...plain, method: 'GET', path: '/open', role: 'anyone', handle: ({ actor }) => ({ json: { actor } }) },
  { ...plain, method: 'GET', path: '/read', role: 'read', handle: ({ actor }) => ({ json: { actor } }) },
  { ...plain, method: 'POST', path: '/operate', role: 'operate', handle: () => ({ status: 204 }) },
  {
    ...plain,
    method: 'PUT',
    path: '/things/{name}',
    role: 'admin',
    parameters: [
      { in: 'path', name: 'name', description: 'of it', schema: { type: 'string', pattern: '^[a-z/]+$' } },
      { in: 'query', name: 'limit', description: 'most', schema: { type: 'integer', minimum: 1, maximum: 5 } },
    ],
    body: object({ size: { type: 'integer' }, note: { type: 'string', maxLength: 3 } }, ['note']),
    handle: ({ path, query, body }) => ({ status: 201, json: { path, query, body } }),
  },
  {
    ...plain,
    method: 'GET',
    path: '/defect',
    role: 'anyone',
    handle: () => {
      throw new Error('what nobody else may read');
    },
  },
];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-admin-'));
  clock = new VirtualClock();
  database = await RelayDatabase.open(directory, { clock });
  tokens = new AccessTokens(database, clock);
  faults = [];
  throttled = [];
  hosts = [];
  listener = await AdminListener.listen(
    {
      routes,
      schemas,
      tokens,
      hosts: () => hosts,
      addressOf: ({ socket }) => socket.remoteAddress ?? '',
      fileToken: 'of a file',
      onThrottled: (address) => throttled.push(address),
      onFault: (error) => faults.push(error),
      clock,
    },
    { host: '127.0.0.1', port: 0 },
  );
});
afterEach(async () => {
  await listener.close();
  await database.close();
  await rm(directory, { recursive: true, force: true });
});

function newToken(role: AccessRole, expiresAt: number | null = null): string {
  return tokens.create({ role, label: role, expiresAt, createdBy: 'test' }).text;
}

interface Asked {
  readonly method?: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Status and JSON, or the code of an error. */
async function ask(path: string, { method = 'GET', token, body, headers }: Asked = {}): Promise<readonly unknown[]> {
  const response = await fetch(listener.url + path, {
    method,
    headers: {
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = text === '' ? undefined : JSON.parse(text);
  return [response.status, json?.error?.code ?? json];
}

/** What comes back to these bytes until the other side ends. */
function say(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(listener.url).port) });
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(text));
    socket.write(bytes);
  });
}

it('lets each role do what those before it may, and nobody without a token', async () => {
  const [read, operate, admin] = [newToken('read'), newToken('operate'), newToken('admin')];
  const operateWith = (token?: string) =>
    ask('/operate', { method: 'POST', ...(token === undefined ? {} : { token }) });
  const putWith = (token: string) => ask('/things/a', { method: 'PUT', token, body: { size: 1 } });
  expect(await ask('/open')).toEqual([200, { actor: 'anyone' }]);
  expect([await ask('/read'), await operateWith()]).toEqual([
    [401, 'UNAUTHORIZED'],
    [401, 'UNAUTHORIZED'],
  ]);
  expect((await ask('/read', { token: read }))[0]).toBe(200);
  expect([await operateWith(read), await putWith(read), await putWith(operate)]).toEqual(
    Array.from({ length: 3 }, () => [403, 'FORBIDDEN']),
  );
  expect([(await operateWith(operate))[0], (await operateWith(admin))[0], (await putWith(admin))[0]]).toEqual([
    204, 204, 201,
  ]);
});

it('takes a token until its time, or until it is revoked, and keeps its hash alone', async () => {
  const short = newToken('read', clock.wallMs() + 1_000);
  const { token, text } = tokens.create({ role: 'read', label: '', expiresAt: null, createdBy: 'test' });
  expect([await ask('/read', { token: short }), await ask('/read', { token: text })]).toEqual([
    [200, expect.anything()],
    [200, { actor: `token:${token.id}` }],
  ]);
  await clock.advance(1_000);
  expect(await ask('/read', { token: short })).toEqual([401, 'UNAUTHORIZED']);
  expect([tokens.revoke(token.id), tokens.revoke(token.id), tokens.revoke('ffff')]).toEqual([true, false, false]);
  expect(await ask('/read', { token: text })).toEqual([401, 'UNAUTHORIZED']);
  expect(JSON.stringify(database.accessTokens.list())).not.toContain(text.slice(14));
});

it('does not look at tokens of an address that showed too many wrong ones, for a time', async () => {
  const good = newToken('read');
  const wrong = `sealane_admin_${'A'.repeat(43)}`;
  for (let attempt = 0; attempt < 10; attempt++) expect((await ask('/read', { token: wrong }))[0]).toBe(401);
  const response = await fetch(`${listener.url}/read`, { headers: { Authorization: `Bearer ${good}` } });
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, '3']);
  expect(throttled).toEqual(['127.0.0.1']);
  expect((await ask('/open'))[0]).toBe(200);
  await clock.advance(3_000);
  expect((await ask('/read', { token: good }))[0]).toBe(200);
  expect(await ask('/read', { token: 'short' })).toEqual([401, 'UNAUTHORIZED']);
  expect([await ask('/read', { token: newToken('read') }), throttled.length]).toEqual([[429, 'THROTTLED'], 1]);
});

it('goes on to take tokens that were right from an address before, whatever others try from there', async () => {
  const [known, other] = [newToken('read'), newToken('read')];
  const wrong = `sealane_admin_${'A'.repeat(43)}`;
  expect((await ask('/read', { token: known }))[0]).toBe(200);
  for (let attempt = 0; attempt < 12; attempt++) await ask('/read', { token: wrong });
  const byToken = async (): Promise<unknown[]> =>
    (await Promise.all([wrong, other, known].map((token) => ask('/read', { token })))).map(([status]) => status);
  expect(await byToken()).toEqual([429, 429, 200]);
  tokens.revoke(tokens.find(known)?.id ?? '');
  expect(await byToken()).toEqual([429, 429, 429]);
});

it('checks every field, and tells each place that is wrong', async () => {
  const token = newToken('admin');
  const put = (path: string, body: unknown, headers = {}) => ask(path, { method: 'PUT', token, body, headers });
  expect(await put('/things/a%2Fb?limit=5', { size: 1, note: 'abc' })).toEqual([
    201,
    { path: { name: 'a/b' }, query: { limit: 5 }, body: { size: 1, note: 'abc' } },
  ]);
  const response = await fetch(`${listener.url}/things/A?limit=6`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: '{"note":"abcd","__proto__":1}',
  });
  const { error } = (await response.json()) as { error: { code: string; problems: readonly string[] } };
  expect([response.status, error.code, error.problems]).toEqual([
    400,
    'INVALID',
    [
      'name is not ^[a-z/]+$',
      'limit is more than 5',
      'body.note has more than 3 characters',
      'body has "__proto__", which is nothing',
      'body.size is missing',
    ],
  ]);
  expect([
    await put('/things/a?limit=5&limit=5', { size: 1 }),
    await put('/things/a?other=5', { size: 1 }),
    await put('/things/a?limit=5x', { size: 1 }),
    await put('/things/a', [1]),
    await put('/things/a', '{"size":'),
    await put('/things/%E0', { size: 1 }),
    await put('/things/a', { size: 1 }, { 'Content-Type': 'text/plain' }),
    await put('/things/a', { size: 1, note: 'x'.repeat(65_536) }),
  ]).toEqual([
    [400, 'INVALID'],
    [400, 'INVALID'],
    [400, 'INVALID'],
    [400, 'INVALID'],
    [400, 'BAD_REQUEST'],
    [400, 'BAD_REQUEST'],
    [415, 'UNSUPPORTED_TYPE'],
    [413, 'TOO_LARGE'],
  ]);
});

it('knows no other paths and methods than its routes', async () => {
  expect([await ask('/'), await ask('/things'), await ask('/things/'), await ask('/open/')]).toEqual(
    Array.from({ length: 4 }, () => [404, 'NOT_FOUND']),
  );
  const response = await fetch(`${listener.url}/operate`, { method: 'OPTIONS' });
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  const headers = [...response.headers.keys()].filter((name) => name.startsWith('access-control'));
  expect(headers).toEqual([]);
});

it('answers to addresses, localhost and the names that are set, so that no page can let its name be this one', async () => {
  const statusFor = (host: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const asked = request(`${listener.url}/open`, { headers: { Host: host }, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      asked.once('error', reject);
      asked.end();
    });
  const names = [
    '127.0.0.1:1',
    '[::1]:80',
    'localhost',
    'LOCALHOST:9',
    'evil.example',
    'evil.example:80',
    'a b',
    '[x]',
  ];
  expect(await Promise.all(names.map(statusFor))).toEqual([200, 200, 200, 200, 421, 421, 421, 421]);
  hosts = ['Relay.Example'];
  expect(await Promise.all(['relay.example', 'relay.example:443', 'a.relay.example'].map(statusFor))).toEqual([
    200, 200, 421,
  ]);
});

it('answers a defect with a code alone, and tells the operator', async () => {
  const response = await fetch(`${listener.url}/defect`);
  expect([response.status, await response.json()]).toEqual([
    500,
    { error: { code: 'INTERNAL', message: 'the relay failed' } },
  ]);
  expect(faults).toEqual([expect.objectContaining({ message: 'what nobody else may read' })]);
});

it('tells who does not speak HTTP, or says too much, and ends it', async () => {
  expect(await say('nonsense\r\n\r\n')).toMatch(/^HTTP\/1.1 400 BAD_REQUEST\r\n.*"code":"BAD_REQUEST"/s);
  expect(await say(`GET /open HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(16_384)}\r\n\r\n`)).toMatch(
    / 431 HEADERS_TOO_LARGE/,
  );
  expect(await say('GET /open HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(/ 421 /);
  expect(await say('GET http://x/open HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')).toMatch(/ 400 /);
  // Without a length it is counted.
  const chunked = `PUT /things/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${newToken('admin')}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n11170\r\n${' '.repeat(70_000)}\r\n`;
  expect(await say(chunked)).toMatch(/ 413 .*Connection: close/s);
  // A body that is not wanted is not waited for.
  const put = 'PUT /things/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n';
  expect(await say(put)).toMatch(/ 401 .*Connection: close/s);
});

it('takes so many connections of one address', async () => {
  const sockets = await Promise.all(
    Array.from(
      { length: 66 },
      () =>
        new Promise<{ readonly isClosed: () => boolean; readonly end: () => void }>((resolve) => {
          const socket = connect({ host: '127.0.0.1', port: Number(new URL(listener.url).port) });
          let isClosed = false;
          socket.on('error', () => undefined);
          socket.once('close', () => {
            isClosed = true;
          });
          socket.once('connect', () => resolve({ isClosed: () => isClosed, end: () => socket.destroy() }));
          socket.resume();
        }),
    ),
  );
  await expect.poll(() => sockets.filter(({ isClosed }) => isClosed()).length).toBe(2);
  for (const { end } of sockets) end();
  await expect.poll(async () => (await ask('/open').catch(() => [0]))[0]).toBe(200);
});

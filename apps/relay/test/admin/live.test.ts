import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProcess } from '@sealane/testkit';
import { afterEach, expect, it } from 'vitest';
import { HostileClient } from '../hostile-client.js';
import { program } from '../relay-process.js';
import { AdminStage } from './admin-stage.js';
import { EventStream } from './event-stream.js';

let stage: AdminStage;
afterEach(async () => {
  await stage.close();
});

interface Live {
  readonly owner: HostileClient;
  readonly dialer: HostileClient;
}

/** An owner, and a dialer with a session to it. */
async function live(name = 'blue'): Promise<Live> {
  const before = await count('sessions');
  const owner = await HostileClient.connect(stage.relayUrl);
  owner.acceptsAll = true;
  expect(await owner.register({ name })).toBe('REGISTERED');
  const dialer = await HostileClient.connect(stage.relayUrl);
  dialer.openTo(owner);
  await expect.poll(() => count('sessions')).toBe(before + 1);
  return { owner, dialer };
}

async function count(what: string): Promise<number> {
  const { json } = await stage.ask('GET', '/api/v1/relay');
  return (json as { statistics: Record<string, number> }).statistics[what] ?? -1;
}

async function items(path: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { json } = await stage.ask('GET', path);
  return (json as { items: readonly Readonly<Record<string, unknown>>[] }).items;
}

it('a ban cuts live traffic at once, of an id and of a name, and says so in the audit log', async () => {
  stage = await AdminStage.start();
  const byId = await live();
  const { id } = byId.owner.credential;
  const { status } = await stage.ask('POST', '/api/v1/bans', { body: { kind: 'id', value: id, reason: 'spam' } });
  // The answer came after the fact.
  expect([status, await count('sessions'), await items('/api/v1/leases')]).toEqual([201, 0, []]);
  await byId.owner.closed;
  // The name is kept for whom it belonged to.
  const byName = await live('red');
  const ban = await stage.ask('POST', '/api/v1/bans', { body: { kind: 'name', value: 'red' } });
  expect([ban.status, await count('sessions')]).toEqual([201, 0]);
  await byName.owner.closed;
  await stage.ask('DELETE', '/api/v1/bans/name/red');
  await live('green');
  const actor = expect.stringMatching(/^token:[0-9a-f]{16}$/);
  expect(await items('/api/v1/audit?limit=3')).toEqual([
    expect.objectContaining({ actor, action: 'unban', subject: 'name red' }),
    expect.objectContaining({ actor, action: 'ban', subject: 'name red' }),
    expect.objectContaining({
      actor,
      action: 'ban',
      subject: `id ${id}`,
      details: { reason: 'spam', expiresAtMs: null },
    }),
  ]);
});

it('a lowered limit acts on what is open, the others go on, and it holds over a restart until it is unset', async () => {
  stage = await AdminStage.start('--set', 'limits.sessionsPerIdentity=50');
  const first = await live();
  first.dialer.openTo(first.owner);
  await expect.poll(() => count('sessions')).toBe(2);
  const { token } = await stage.tokenOf('operate');
  const put = await stage.ask('PUT', '/api/v1/limits/sessionsPerIdentity', { token, body: { value: 1 } });
  expect([put.status, put.json, await count('sessions')]).toEqual([
    200,
    { changed: ['limits.sessionsPerIdentity'], needsRestart: [] },
    1,
  ]);
  await first.dialer.roundTrip();
  expect([first.dialer.isClosed, first.owner.isClosed]).toEqual([false, false]);
  await stage.restart('--set', 'limits.sessionsPerIdentity=50');
  const path = '/api/v1/settings/limits.sessionsPerIdentity';
  expect((await stage.ask('GET', path)).json).toMatchObject({ value: 1, origin: 'run time' });
  expect((await stage.ask('DELETE', path)).status).toBe(200);
  expect((await stage.ask('GET', path)).json).toMatchObject({ value: 50, origin: '--set', default: 1_024 });
});

it('a reload takes a changed file, touches no stream, and a file that is wrong changes nothing', async () => {
  stage = await AdminStage.create();
  const file = join(stage.directory, 'relay.yaml');
  await writeFile(file, 'limits: {maxLeases: 5}\n');
  await stage.restart('--config', file);
  const { owner, dialer } = await live();
  await writeFile(file, 'listing: false\nlimits: {maxLeases: 6}\n');
  const reload = () => stage.ask('POST', '/api/v1/settings/reload');
  expect((await reload()).json).toEqual({ changed: ['limits.maxLeases'], needsRestart: ['listing'] });
  await writeFile(file, 'limits: {maxLeases: no}\n');
  expect(await reload()).toMatchObject({ status: 400, json: { error: { code: 'INVALID', reason: 'ERR_CONFIG' } } });
  expect((await stage.ask('GET', '/api/v1/settings/listing')).json).toMatchObject({ value: false, running: true });
  await dialer.roundTrip();
  expect([owner.isClosed, dialer.isClosed, await count('sessions')]).toEqual([false, false, 1]);
});

it('a backup over the API starts a relay with the same bans, settings and tokens; nothing of it stays behind', async () => {
  stage = await AdminStage.start();
  await stage.ask('POST', '/api/v1/bans', { body: { kind: 'name', value: 'evil' } });
  await stage.ask('PUT', '/api/v1/limits/maxLeases', { body: { value: 9 } });
  const before = await stage.tokenOf('read');
  const response = await fetch(`${stage.url}/api/v1/backup`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${stage.token}` },
  });
  const file = join(stage.directory, 'copy.db');
  await writeFile(file, Buffer.from(await response.arrayBuffer()));
  expect((await readdir(stage.dataDir)).filter((name) => name.includes('backup'))).toEqual([]);
  const other = join(stage.directory, 'other');
  await mkdir(other, { mode: 0o700 });
  expect(await runProcess(program, ['restore', other, file])).toMatchObject({ code: 0, stderr: '' });
  const copy = await AdminStage.create();
  try {
    await runProcess('-e', [
      'require("node:fs").cpSync(process.argv[1], process.argv[2], { recursive: true })',
      other,
      copy.dataDir,
    ]);
    await copy.restart();
    expect((await copy.ask('GET', '/api/v1/bans', { token: before.token })).json).toMatchObject({
      items: [{ kind: 'name', value: 'evil' }],
    });
    expect((await copy.ask('GET', '/api/v1/settings/limits.maxLeases')).json).toMatchObject({ value: 9 });
  } finally {
    await copy.close();
  }
});

it('events tell what happens, go on after a break where they ended, and hold no secrets', async () => {
  stage = await AdminStage.start('--drain', '0');
  const url = `${stage.url}/api/v1/events`;
  const first = await EventStream.open(url, stage.token);
  expect(first.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const { owner } = await live();
  await expect.poll(() => first.kinds()).toContain('session-open');
  expect(first.kinds()).toEqual(expect.arrayContaining(['link-open', 'lease', 'session-open']));
  const lease = first.events.find(({ event }) => event === 'lease');
  expect(lease?.data).toMatchObject({
    event: 'lease',
    id: owner.credential.id,
    name: 'blue',
    atMs: expect.any(Number),
  });
  first.close();
  await first.ended;
  const made = await stage.tokenOf('read');
  const second = await EventStream.open(url, stage.token, { 'Last-Event-ID': lease?.id ?? '' });
  await expect.poll(() => second.kinds()).toContain('audit');
  // Everything after it once, in order, and nothing before it.
  const seen = first.events.filter(({ id }) => Number(id?.split('-')[1]) > Number(lease?.id?.split('-')[1]));
  expect(second.events.slice(0, seen.length)).toEqual(seen);
  expect(second.kinds()).not.toContain('gap');
  expect(JSON.stringify(second.events)).not.toContain(made.token.slice(14));
  const filtered = await EventStream.open(`${url}?types=audit`, made.token, { 'Last-Event-ID': '00000000-1' });
  await expect.poll(() => filtered.kinds()).toEqual(['gap', 'audit', 'audit']);
  expect(filtered.events[0]?.data).toEqual({ event: 'gap', reason: 'the relay was started again' });
  // Whose token is revoked hears nothing more, at once.
  await stage.ask('DELETE', `/api/v1/tokens/${made.id}`);
  await filtered.ended;
  expect(filtered.events.at(-1)?.data).toEqual({ event: 'dropped', reason: 'the token does not hold any more' });
  const stopping = stage.process.stop();
  await second.ended;
  expect(second.events.at(-1)?.data).toEqual({ event: 'dropped', reason: 'the relay stops' });
  expect(await stopping).toEqual({ code: 0, signal: null });
});

it('lists come in pages: each lease once, none left out', async () => {
  stage = await AdminStage.start('--set', 'limits.leasesPerIdentity=100');
  const owner = await HostileClient.connect(stage.relayUrl);
  const services = Array.from({ length: 7 }, (_, index) => `service-${index}`);
  for (const service of services) expect(await owner.register({ service })).toBe('REGISTERED');
  const seen: unknown[] = [];
  for (let query = ''; ; ) {
    const { json } = await stage.ask('GET', `/api/v1/leases?limit=3${query}`);
    const page = json as { items: readonly { service: string }[]; next?: string };
    expect(page.items.length).toBeLessThanOrEqual(3);
    seen.push(...page.items.map(({ service }) => service));
    if (page.next === undefined) break;
    query = `&after=${encodeURIComponent(page.next)}`;
  }
  expect(seen).toEqual(services);
  const log = (await items('/api/v1/audit')).length;
  expect(log).toBeGreaterThan(0);
});

it('neither the token file nor what is printed tells a token twice, and wrong ones are told of without their text', async () => {
  stage = await AdminStage.start();
  const wrong = `sealane_admin_${'Z'.repeat(43)}`;
  for (let attempt = 0; attempt < 10; attempt++)
    expect((await stage.ask('GET', '/api/v1/relay', { token: wrong })).status).toBe(401);
  expect((await stage.ask('GET', '/api/v1/relay', { token: wrong })).status).toBe(429);
  // That of the file is known here.
  expect((await stage.ask('GET', '/api/v1/relay')).status).toBe(200);
  const { message } = await stage.process.waitFor('warning', ({ code }) => code === 'ADMIN_LOGIN');
  expect(message).toMatch(/127\.0\.0\.1/);
  const database = (await readFile(join(stage.dataDir, 'relay.db-wal'))).toString('latin1');
  for (const text of [stage.process.stdout, stage.process.stderr, database]) {
    expect(text.includes('Z'.repeat(43))).toBe(false);
    expect(text.includes(stage.token.slice(14))).toBe(false);
  }
});

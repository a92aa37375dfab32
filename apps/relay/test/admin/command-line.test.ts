import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProcess, startProcess } from '@sealane/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RelayDatabase } from '../../src/database/relay-database.js';
import { HostileClient } from '../hostile-client.js';
import { program } from '../relay-process.js';
import { AdminStage } from './admin-stage.js';

let stage: AdminStage;
let owner: HostileClient;

beforeAll(async () => {
  stage = await AdminStage.start();
  owner = await HostileClient.connect(stage.relayUrl);
  owner.acceptsAll = true;
  await owner.register({ name: 'blue' });
  const dialer = await HostileClient.connect(stage.relayUrl);
  dialer.openTo(owner);
  await stage.process.waitFor('session-open');
});
afterAll(async () => {
  await stage.close();
});

/** Standard output, of a command that succeeds. */
async function admin(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProcess(program, ['admin', '--data-dir', stage.dataDir, ...args]);
  expect([args, code, stderr]).toEqual([args, 0, '']);
  return stdout;
}

async function json(...args: readonly string[]): Promise<never> {
  return JSON.parse(await admin(...args, '--json')) as never;
}

async function failure(...args: readonly string[]): Promise<readonly unknown[]> {
  const { code, stdout, stderr } = await runProcess(program, ['admin', '--data-dir', stage.dataDir, ...args]);
  expect(stdout).toBe('');
  return [code, stderr];
}

it('lists what goes on, for people and for programs', async () => {
  const { id } = owner.credential;
  const [people, leases, others, sessions, identities, relay] = await Promise.all([
    admin('leases'),
    json('leases', '--id', id),
    json('leases', '--id', 'nobody'),
    json('sessions', '--owner', id),
    json('identities'),
    json('relay'),
  ]);
  const [titles, line] = (people as string).split('\n').map((text) => text.split(/ {2,}/));
  expect([titles?.slice(0, 3), line?.slice(0, 3)]).toEqual([
    ['ID', 'SERVICE', 'NAME'],
    [id, '-', 'blue'],
  ]);
  expect(leases).toMatchObject([{ id, name: 'blue', sessions: 1 }]);
  expect([others, sessions]).toMatchObject([[], [{ owner: id, bytesToOwner: 0 }]]);
  expect(identities).toEqual(expect.arrayContaining([expect.objectContaining({ id, leases: 1 })]));
  expect(relay).toMatchObject({ id: stage.relayId, statistics: { sessions: 1 } });
});

it('bans and lifts', async () => {
  const before = Date.now();
  expect(await admin('ban', 'network', '192.0.2.0/24', '--reason', 'a flood', '--expires', '1h')).toBe(
    'network 192.0.2.0/24 is banned\n',
  );
  const [ban] = (await json('bans')) as readonly { readonly expiresAtMs: number; readonly reason: string }[];
  expect(ban).toMatchObject({ kind: 'network', value: '192.0.2.0/24', reason: 'a flood' });
  expect(ban!.expiresAtMs - before).toBeGreaterThanOrEqual(3_600_000);
  const name = await json('ban', 'name', 'Evil', '--expires', 'never');
  expect(name).toMatchObject({ kind: 'name', value: 'evil', expiresAtMs: null });
  expect(await admin('bans')).toMatch(/^KIND +VALUE .*\nname +evil +- .*\nnetwork +192\.0\.2\.0\/24 .*a flood\n$/);
  expect(await json('unban', 'network', '192.0.2.0/24')).toEqual({ kind: 'network', value: '192.0.2.0/24' });
  expect(await failure('unban', 'network', '192.0.2.0/24')).toEqual([
    1,
    'error: there is no such ban [NOT_FOUND] (ERR_ADMIN)\n',
  ]);
});

it('decides about identities', async () => {
  const { id } = owner.credential;
  expect(await admin('approve', id)).toBe(`${id} is approved\n`);
  expect(await json('deny', id, '--service', 'web', '--reason', 'not here')).toMatchObject({
    identity: id,
    service: 'web',
    state: 'denied',
    reason: 'not here',
  });
  expect(await json('approvals', '--state', 'approved')).toMatchObject([{ identity: id, service: '*' }]);
  expect(await admin('approvals')).toMatch(/ approved .*\n.* web .* denied .* not here\n$/);
  expect(await json('withdraw', id, '--service', 'web')).toEqual({ id });
});

it('makes and ends tokens, of the API and for enrolment', async () => {
  const token = (await admin('token', 'new', '--role', 'read', '--label', 'prometheus')).trim();
  expect((await stage.ask('GET', '/api/v1/relay', { token })).status).toBe(200);
  const tokens = (await json('token', 'list')) as readonly { readonly id: string; readonly label: string }[];
  const { id } = tokens.find(({ label }) => label === 'prometheus')!;
  expect(await json('token', 'revoke', id)).toEqual({ id });
  expect((await stage.ask('GET', '/api/v1/relay', { token })).status).toBe(401);
  const made = await json('enrolment-token', 'new', '--uses', 'any', '--expires', 'never', '--note', 'lab');
  expect(made).toMatchObject({
    uses: null,
    expiresAtMs: null,
    note: 'lab',
    token: expect.stringMatching(/^sealane-token-/),
  });
  expect(await admin('enrolment-token', 'list')).toMatch(/^ID .*\n[0-9a-f]{16} +0 +any +- +lab\n$/);
  expect(await json('enrolment-token', 'revoke', (made as { id: string }).id)).toEqual({
    id: (made as { id: string }).id,
  });
  expect((await failure('token', 'new'))[0]).toBe(2);
  expect((await failure('token', 'new', '--role', 'king'))[0]).toBe(2);
});

it('changes settings and limits of the relay that runs', async () => {
  expect(await admin('settings', 'set', 'names.reserved=admin,status-*')).toBe('names.reserved is set and holds\n');
  expect(await json('limits', 'set', 'maxLeases=9')).toEqual({ changed: ['limits.maxLeases'], needsRestart: [] });
  const [settings, limits, people] = await Promise.all([json('settings'), json('limits'), admin('settings')]);
  const find = (all: readonly object[], key: string, value: string) =>
    all.find((entry) => (entry as never)[key] === value);
  expect(find(settings, 'path', 'names.reserved')).toMatchObject({ value: ['admin', 'status-*'], origin: 'run time' });
  expect(find(limits, 'name', 'maxLeases')).toMatchObject({ value: 9, inForce: 9, origin: 'run time' });
  expect(people).toMatch(/\nlimits\.maxLeases +9 +run time\n/);
  expect(await admin('limits', 'unset', 'maxLeases')).toBe('maxLeases is not changed at run time any more\n');
  expect(await json('settings', 'unset', 'names.reserved')).toMatchObject({ changed: ['names.reserved'] });
  expect(await admin('reload')).toBe('reloaded, nothing changed\n');
  expect(await failure('settings', 'set', 'limits.maxLease=1')).toEqual([
    1,
    expect.stringMatching(/^error: [^\n]*did you mean limits\.maxLeases\?[^\n]*ERR_ADMIN\)\n$/),
  ]);
});

it('settings set beside it are told to it, and hold at once', async () => {
  const change = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await runProcess(program, [
      'settings',
      ...args,
      '--data-dir',
      stage.dataDir,
      '--json',
    ]);
    return [code, stderr === '' ? JSON.parse(stdout) : stderr];
  };
  const path = 'limits.maxNames';
  expect(await change('set', `${path}=77`)).toEqual([0, { path, holds: 'now' }]);
  expect((await stage.ask('GET', `/api/v1/settings/${path}`)).json).toMatchObject({ value: 77, origin: 'run time' });
  expect(await change('set', `${path}=many`)).toEqual([1, expect.stringMatching(/whole number.*ERR_ADMIN\)\n$/)]);
  expect(await change('unset', path)).toEqual([0, { path, holds: 'now' }]);
  expect((await stage.ask('GET', `/api/v1/settings/${path}`)).json).toMatchObject({ origin: 'default' });
});

it('ends leases and sessions', async () => {
  const [session] = (await json('sessions')) as readonly { readonly session: number }[];
  expect(await admin('sessions', 'end', String(session?.session))).toBe(`the session ${session?.session} has ended\n`);
  expect(await json('sessions')).toEqual([]);
  const { id } = owner.credential;
  expect(await json('leases', 'end', id, '--reason', 'moved')).toEqual({ id });
  expect(await json('leases')).toEqual([]);
  expect(await failure('leases', 'end', id)).toEqual([1, 'error: there is no such lease [NOT_FOUND] (ERR_ADMIN)\n']);
});

it('writes a backup here, once, that is a whole database', async () => {
  const file = join(stage.directory, 'from-the-api.db');
  const { bytes } = await json('backup', file);
  const found = await stat(file);
  expect([found.size, found.mode & 0o777]).toEqual([bytes, 0o600]);
  expect((await failure('backup', file))[1]).toMatch(/\(ERR_FILE_EXISTS\)\n$/);
  const other = join(stage.directory, 'restored');
  await mkdir(other, { mode: 0o700 });
  expect(await runProcess(program, ['restore', other, file])).toMatchObject({ code: 0 });
  await using database = await RelayDatabase.open(other);
  expect(database.accessTokens.list().length).toBeGreaterThan(0);
});

it('prints events as they come, and the audit log', async () => {
  const args = ['admin', '--data-dir', stage.dataDir, 'events', '--types', 'audit,dropped', '--json'];
  const watching = startProcess(program, args);
  // It listens when an event comes that it was told of.
  const heard = watching.waitFor('audit');
  let isHeard = false;
  heard.then(
    () => {
      isHeard = true;
    },
    () => undefined,
  );
  while (!isHeard) await stage.ask('DELETE', '/api/v1/bans/name/nobody').then(() => stage.tokenOf('read'));
  expect(await heard).toMatchObject({ event: 'audit', action: 'access-token.new', atMs: expect.any(Number) });
  await watching.kill();
  const [entry] = (await json('audit', '--limit', '1')) as readonly object[];
  expect(entry).toMatchObject({ action: 'access-token.new', actor: expect.stringMatching(/^token:/) });
  expect(await admin('audit')).toMatch(/^AT +WHO +WHAT +TO WHAT +DETAILS\n/);
});

it('takes another relay and another token, and says what is wrong with either', async () => {
  const tokenFile = join(stage.directory, 'reader');
  const { token } = await stage.tokenOf('read');
  await writeFile(tokenFile, `${token}\n`, { mode: 0o600 });
  const elsewhere = ['admin', '--admin-url', stage.url, '--admin-token-file', tokenFile];
  expect(await runProcess(program, [...elsewhere, 'bans', '--json'])).toMatchObject({ code: 0, stderr: '' });
  const refused = await runProcess(program, [...elsewhere, 'ban', 'name', 'x']);
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/role operate; [^\n]*\[FORBIDDEN\] \(ERR_ADMIN\)\n$/),
  ]);
  expect((await runProcess(program, ['admin', 'leases'])).code).toBe(2);
  expect(await failure('--admin-url', 'http://127.0.0.1:1', 'leases')).toEqual([
    1,
    expect.stringMatching(
      /^error: the admin API at http:\/\/127\.0\.0\.1:1 cannot be reached: [^\n]*\(ERR_ADMIN_UNREACHABLE\)\n$/,
    ),
  ]);
  const empty = join(stage.directory, 'empty');
  const missing = await runProcess(program, ['admin', '--data-dir', empty, 'leases']);
  expect(missing.stderr).toMatch(/no relay with --admin-listen runs .*\(ERR_ADMIN_UNREACHABLE\)\n$/);
  expect((await readFile(join(stage.dataDir, 'admin-url'), 'utf8')).trim()).toBe(stage.url);
});

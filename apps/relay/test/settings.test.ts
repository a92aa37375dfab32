import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProcess, startProcess, stopAllProcesses } from '@sealane/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RelayDatabase } from '../src/database/relay-database.js';
import { HostileClient } from './hostile-client.js';
import { program, startRelay } from './relay-process.js';

let directory: string;
let dataDir: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-relay-'));
  dataDir = join(directory, 'data');
  file = join(directory, 'relay.yaml');
});
afterEach(async () => {
  await stopAllProcesses();
  await rm(directory, { recursive: true, force: true });
});

const run = (...args: string[]) => runProcess(program, args);

describe('sealane-relay config', () => {
  it('writes a file that is valid, says what was given, and starts a relay', async () => {
    const init = await run('init', file, '--listen', '127.0.0.1:0', '--data-dir', dataDir, '--drain', '7');
    expect([init.code, init.stderr]).toEqual([0, '']);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const text = await readFile(file, 'utf8');
    expect(text).toContain('listen: "127.0.0.1:0"\n');
    expect(text).toMatch(/^limits:$[\s\S]*^ {2}# maxSockets: 16000$[\s\S]*^ {2}drainMs: 7s$/m);
    expect((await run('config', 'check', file)).stdout).toBe(`${file} is valid\n`);
    // With every line a setting: each default is a value of its own setting.
    await writeFile(`${file}.all`, text.replace(/^( *)# (\w+: \S.*)$/gm, '$1$2'));
    expect((await run('config', 'check', `${file}.all`)).stdout).toBe(`${file}.all is valid\n`);
    const again = await run('init', file);
    expect([again.code, again.stderr]).toEqual([1, expect.stringMatching(/ERR_FILE_EXISTS/)]);
    const relay = await startRelay(dataDir, '--config', file);
    expect(await relay.process.stop()).toEqual({ code: 0, signal: null });
  });

  it('names every mistake in a file with line and column, for people and for programs', async () => {
    await writeFile(file, 'opn: true\nlimits:\n  maxSockets: many\n');
    const people = await run('config', 'check', file);
    expect([people.code, people.stdout, people.stderr]).toEqual([
      1,
      `${file}:1:1: opn is not a setting; did you mean open?\n${file}:3:15: limits.maxSockets is "many"; write a whole number\n`,
      `error: ${file} has 2 mistakes (ERR_CONFIG)\n`,
    ]);
    const unfit = join(directory, 'unfit.yaml');
    await writeFile(unfit, 'limits:\n  leaseTtlMinMs: 10min\n');
    expect((await run('config', 'check', unfit)).stdout).toMatch(/:2:3: limits.leaseTtlMinMs is 10min, more than/);
    const programs = JSON.parse((await run('config', 'check', file, '--json')).stdout);
    expect(programs.valid).toBe(false);
    expect(programs.problems[0]).toEqual({
      kind: 'unknown',
      origin: { kind: 'file', file, line: 1, column: 1 },
      path: 'opn',
      message: 'opn is not a setting; did you mean open?',
      suggestion: 'open',
    });
    const start = await run('--config', file);
    expect([start.code, start.stdout]).toEqual([1, '']);
    expect(start.stderr).toBe(
      `error: ${file}:1:1: opn is not a setting; did you mean open? (and 1 more, see config check) (ERR_CONFIG)\n`,
    );
    expect((await run('--set', 'limits.maxSocket=5')).code).toBe(2);
    expect((await run('--set', 'nonsense')).stderr).toMatch(
      /^error: --set nonsense is not PATH=VALUE[^\n]*ERR_ARGUMENT\)\n$/,
    );
  });

  it('shows where every value comes from, those of the run time in the data directory among them', async () => {
    await writeFile(file, `dataDir: ${JSON.stringify(dataDir)}\nlimits:\n  maxLeases: 5\n`);
    expect((await run('settings', 'set', 'limits.maxNames=6', '--config', file)).stderr).toMatch(/ERR_DATA_DIR\)/);
    await mkdir(dataDir, { mode: 0o700 });
    expect((await run('settings', 'set', 'limits.maxNames=6', '--config', file)).code).toBe(0);
    const env = { SEALANE_RELAY_LIMITS_MAX_SOCKETS: '7' };
    const args = ['config', 'show', '--config', file, '--set', 'limits.drainMs=8s'];
    const { stdout, stderr, code } = await runProcess(program, args, { env });
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.split('\n').map((line) => line.trim().split(/ {2,}/));
    expect(lines).toContainEqual(['limits.maxLeases', '5', `${file}:3:3`]);
    expect(lines).toContainEqual(['limits.maxNames', '6', 'run time']);
    expect(lines).toContainEqual(['limits.maxSockets', '7', 'SEALANE_RELAY_LIMITS_MAX_SOCKETS']);
    expect(lines).toContainEqual(['limits.drainMs', '8s', '--set']);
    expect(lines).toContainEqual(['limits.authTimeoutMs', '10s', 'default']);
    expect(lines).toContainEqual(['listen', '(not set)', 'default']);
    const entries = JSON.parse((await run(...args, '--json')).stdout);
    expect(entries).toContainEqual({
      path: 'limits.maxNames',
      value: 6,
      origin: { kind: 'run time' },
      applies: 'new',
    });
    expect((await run('settings', 'unset', 'limits.maxNames', '--config', file)).code).toBe(0);
    const refused = await run('settings', 'unset', 'limits.maxNames', '--config', file);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/nothing is \(ERR_CONFIG\)/)]);
    expect((await run(...args)).stdout).toMatch(/limits.maxNames +100000 +default\n/);
  });

  it('prints a schema that is the one in the documentation', async () => {
    const { stdout } = await run('config', 'schema');
    const documented = await readFile(new URL('../../../docs/relay-config.schema.json', import.meta.url), 'utf8');
    expect(stdout).toBe(documented);
    expect(JSON.parse(stdout).properties.limits.properties.maxSockets).toMatchObject({
      type: ['integer', 'null'],
      default: 16_000,
    });
  });

  it('is described in docs/operations.md and docs/limits.md as it is', async () => {
    const script = fileURLToPath(new URL('../scripts/write-operations.mjs', import.meta.url));
    expect(await runProcess(script, ['--check'])).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('a relay that runs', () => {
  it('takes a changed file at SIGHUP, and no stream notices', async () => {
    await writeFile(file, 'limits: {leasesPerIdentity: 1}\n');
    const { process: relay, url } = await startRelay(dataDir, '--config', file);
    const owner = await HostileClient.connect(url);
    expect(await owner.register({ service: 'a' })).toBe('REGISTERED');
    expect(await owner.register({ service: 'b' })).toMatch(/^refused/);
    owner.acceptsAll = true;
    const dialer = await HostileClient.connect(url);
    dialer.openTo(owner, { service: 'a' });
    await relay.waitFor('session-open');
    await writeFile(file, 'listing: false\nlimits: {leasesPerIdentity: 2}\n');
    relay.signal('SIGHUP');
    expect(await relay.waitFor('reloaded')).toEqual({
      event: 'reloaded',
      changed: ['limits.leasesPerIdentity'],
      needsRestart: ['listing'],
    });
    expect(await owner.register({ service: 'b' })).toBe('REGISTERED');
    await writeFile(file, 'limits: {leasesPerIdentity: none}\n');
    relay.signal('SIGHUP');
    const failed = await relay.waitFor('reload-failed');
    expect(failed).toEqual({
      event: 'reload-failed',
      code: 'ERR_CONFIG',
      message: `${file}:1:29: limits.leasesPerIdentity is "none"; write a whole number`,
    });
    expect(await owner.register({ service: 'c' })).toMatch(/^refused/);
    await dialer.roundTrip();
    expect([owner.isClosed, dialer.isClosed, relay.stdout.includes('session-close')]).toEqual([false, false, false]);
  });

  it('takes other rules of admission at SIGHUP: who is not admitted loses all at once, a bad file changes nothing', async () => {
    await writeFile(file, '');
    const { process: relay, url } = await startRelay(dataDir, '--config', file);
    const [owner, stranger] = await Promise.all([HostileClient.connect(url), HostileClient.connect(url)]);
    for (const each of [owner, stranger]) {
      expect(await each.register({})).toBe('REGISTERED');
      each.acceptsAll = true;
    }
    const dialer = await HostileClient.connect(url);
    dialer.openTo(owner);
    dialer.openTo(stranger);
    await relay.waitFor('session-open', ({ owner: id }) => id === stranger.credential.id);
    const ids = join(directory, 'ids');
    const rules = `admission: {require: [allowlist], allowFile: ${JSON.stringify(ids)}}\n`;
    await writeFile(file, rules);
    relay.signal('SIGHUP');
    expect(await relay.waitFor('reload-failed')).toMatchObject({ message: expect.stringContaining('cannot be read') });
    await owner.roundTrip();
    await stranger.roundTrip();
    expect(relay.events.filter(({ event }) => event === 'denied')).toEqual([]);
    await writeFile(ids, `${owner.credential.id}\n`);
    relay.signal('SIGHUP');
    expect(await relay.waitFor('reloaded')).toMatchObject({ changed: ['admission.require', 'admission.allowFile'] });
    expect(await relay.waitFor('denied')).toMatchObject({ id: stranger.credential.id });
    await stranger.closed;
    await owner.roundTrip();
    await dialer.roundTrip();
    expect(relay.events.filter(({ event }) => event === 'session-close')).toHaveLength(1);
    const again = await HostileClient.connect(url);
    expect(await again.register({})).toMatch(/^refused/);
    const database = await RelayDatabase.open(dataDir, { isShared: true });
    expect(database.audit.list({ limit: 1 })).toMatchObject([{ actor: 'SIGHUP', action: 'settings.reload' }]);
    await database.close();
  });

  it('is not opened to everybody on an address that others reach, neither at SIGHUP nor by a restart', async () => {
    const args = ['--listen', '0.0.0.0:0', '--data-dir', dataDir, '--json', '--admit', 'token'];
    const relay = startProcess(program, args);
    await relay.waitFor('listening');
    expect((await run('settings', 'set', 'admission.require=open', '--data-dir', dataDir)).code).toBe(0);
    relay.signal('SIGHUP');
    expect(await relay.waitFor('reload-failed')).toMatchObject({ code: 'ERR_NOT_LOOPBACK' });
    const stranger = await HostileClient.connect(
      `ws://127.0.0.1:${new URL(String((await relay.waitFor('listening'))['url'])).port}`,
    );
    expect(await stranger.register({})).toMatch(/^refused/);
    await relay.stop();
    const again = await run(...args);
    expect([again.code, again.stderr]).toEqual([1, expect.stringMatching(/ERR_NOT_LOOPBACK\)/)]);
  });

  it('takes what is set beside it at SIGHUP, and keeps it over a restart', async () => {
    const { process: relay, url } = await startRelay(dataDir);
    const set = await run('settings', 'set', 'limits.leasesPerIdentity=1', '--data-dir', dataDir);
    expect([set.code, set.stdout]).toEqual([
      0,
      expect.stringContaining('has no admin API that can be asked, and takes it when it gets SIGHUP'),
    ]);
    relay.signal('SIGHUP');
    expect(await relay.waitFor('reloaded')).toMatchObject({ changed: ['limits.leasesPerIdentity'] });
    const owner = await HostileClient.connect(url);
    expect([await owner.register({ service: 'a' }), await owner.register({ service: 'b' })]).toEqual([
      'REGISTERED',
      expect.stringMatching(/^refused/),
    ]);
    await relay.stop();
    const again = await startRelay(dataDir, '--set', 'limits.leasesPerIdentity=5');
    const other = await HostileClient.connect(again.url);
    expect([await other.register({ service: 'a' }), await other.register({ service: 'b' })]).toEqual([
      'REGISTERED',
      expect.stringMatching(/^refused/),
    ]);
    expect((await run('settings', 'set', 'listen=127.0.0.1:1', '--data-dir', dataDir)).stderr).toMatch(
      /needs a restart/,
    );
  });
});

describe('a data directory', () => {
  it('from before the database is taken as it is: the same relay, and a database beside it', async () => {
    await mkdir(dataDir, { mode: 0o700 });
    for (const name of ['identity.key', 'node.key']) {
      const source = fileURLToPath(new URL(`./fixtures/data-dir-before-database/${name}`, import.meta.url));
      await copyFile(source, join(dataDir, name));
      await chmod(join(dataDir, name), 0o600);
    }
    await writeFile(join(dataDir, 'lock.3.sock'), '');
    const expected = await readFile(new URL('./fixtures/data-dir-before-database/id.txt', import.meta.url), 'utf8');
    const { id } = await startRelay(dataDir);
    expect(id).toBe(expected.trim());
    expect((await stat(join(dataDir, 'relay.db'))).mode & 0o777).toBe(0o600);
  });

  it('keeps a name for its owner over a restart and a SIGKILL, and lets go of it after its grace', async () => {
    const first = await startRelay(dataDir);
    const owner = await HostileClient.connect(first.url);
    expect(await owner.register({ name: 'blue' })).toBe('REGISTERED');
    await first.process.kill();
    const second = await startRelay(dataDir);
    const stranger = await HostileClient.connect(second.url);
    expect(await stranger.register({ name: 'blue' })).toMatch(/^refused/);
    await second.process.stop();
    const third = await startRelay(dataDir, '--set', 'limits.nameGraceMs=0');
    const other = await HostileClient.connect(third.url);
    expect(await other.register({ name: 'blue' })).toBe('REGISTERED');
  });

  it('is copied while the relay serves, and a start from the copy has its names', async () => {
    const { process: relay, url } = await startRelay(dataDir);
    const owner = await HostileClient.connect(url);
    expect(await owner.register({ name: 'blue' })).toBe('REGISTERED');
    const copy = join(directory, 'copy.db');
    expect(await run('backup', dataDir, copy)).toMatchObject({ code: 0, stderr: '' });
    // As a relay does it that serves meanwhile: by another process.
    const { backupInOtherProcess } = await import('../dist/database/backup.js');
    await backupInOtherProcess(dataDir, join(directory, 'second.db'));
    await expect(backupInOtherProcess(dataDir, copy)).rejects.toThrow(/ERR_FILE_EXISTS/);
    expect((await run('restore', dataDir, copy)).stderr).toMatch(/ERR_DATA_DIR_LOCKED/);
    await owner.register({ name: 'later', service: 'b' });
    await relay.stop();
    expect(await run('restore', dataDir, copy)).toMatchObject({ code: 0, stderr: '' });
    const database = await RelayDatabase.open(dataDir);
    expect(database.audit.list({ limit: 1 })).toMatchObject([{ action: 'restore', subject: copy }]);
    await database.close();
    const again = await startRelay(dataDir);
    const stranger = await HostileClient.connect(again.url);
    expect(await stranger.register({ name: 'blue' })).toMatch(/^refused/);
    expect(await stranger.register({ name: 'later' })).toBe('REGISTERED');
  });

  it('whose database is damaged stops the start with one line that says what to do', async () => {
    await mkdir(dataDir, { mode: 0o700 });
    await writeFile(join(dataDir, 'relay.db'), 'x'.repeat(10_000));
    const { code, stdout, stderr } = await run('--listen', '127.0.0.1:0', '--data-dir', dataDir);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^error: [^\n]*restore[^\n]* \(ERR_DATABASE_CORRUPT\)\n$/);
  });
});

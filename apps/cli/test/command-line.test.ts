import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProcess } from '@sealane/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeCommands } from '../src/completion/command-tree.js';
import { createProgram } from '../src/program.js';
import { sealaneFile, TestUser } from './programs.js';

let user: TestUser;
beforeEach(async () => {
  user = await TestUser.create();
});
afterEach(() => user.dispose());

const idPattern = /^[a-z2-7]{56}$/;
const oneErrorLine = /^error: [^\n]+ \(ERR_[A-Z0-9_]+\)\n$/;

describe('help and version', () => {
  it.each([
    [[]],
    [['expose']],
    [['connect']],
    [['ping']],
    [['ls']],
    [['id']],
    [['id', 'new']],
    [['id', 'show']],
    [['id', 'rotate']],
    [['secret', 'new']],
    [['peers']],
    [['peers', 'ls']],
    [['peers', 'accept']],
    [['peers', 'forget']],
    [['completion']],
    [['demo']],
  ])('sealane %j --help succeeds on standard output', async (args) => {
    const { code, stdout, stderr } = await user.run([...args, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`Usage: sealane${args.map((arg) => ` ${arg}`).join('')}`);
    if (args.length !== 1 || !['id', 'peers'].includes(args[0] ?? ''))
      expect(stdout).toContain('Examples:\n  $ sealane');
  });

  it('says nothing when its reader has left', async () => {
    const child = spawn(process.execPath, [sealaneFile, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += chunk));
    const [code] = await once(child, 'close');
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  });

  it('no help loads cryptography, network code or a codec, so that it is quick', async () => {
    const program = createProgram();
    const commands = describeCommands(program).map(({ path }) => path.split(' ').slice(1));
    const directory = user.file('loaded');
    const runs = commands.map((args) => user.run([...args, '--help'], { env: { NODE_V8_COVERAGE: directory } }));
    for (const { code } of await Promise.all(runs)) expect(code).toBe(0);
    expect(await readdir(directory)).toHaveLength(commands.length);
    for (const file of await readdir(directory)) {
      // What the platform says it has run, whichever way it was loaded.
      const { result } = JSON.parse(await readFile(`${directory}/${file}`, 'utf8'));
      const urls: string[] = result.map(({ url }: { url: string }) => url);
      expect(urls).toContainEqual(expect.stringContaining('/commander/'));
      expect(
        urls.filter((url) => /libsodium|msgpack|[/]ws[/]|packages[/](client|crypto|mux|protocol|server)[/]/.test(url)),
      ).toEqual([]);
    }
  });

  it('prints the version of the package', async () => {
    const manifest = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
    expect((await user.run(['--version'])).stdout).toBe(`${manifest.version}\n`);
  });

  it('the command reference in docs/cli.md is current', async () => {
    const script = fileURLToPath(new URL('../scripts/write-reference.mjs', import.meta.url));
    const { code, stderr } = await runProcess(script, ['--check']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('wrong usage', () => {
  it.each([
    [[]],
    [['nonsense']],
    [['expose']],
    [['expose', 'not a target', '--relay', 'ws://127.0.0.1:1']],
    [['expose', '80', '--unknown']],
    [['expose', '80']],
    [['expose', '80', '--relay', 'http://x']],
    [['expose', '80', '--relay', 'ws://127.0.0.1:1', '--allow', 'x']],
    [['expose', '80', '--relay', 'ws://127.0.0.1:1', '--metadata', '{']],
    [['expose', '80', '--relay', 'ws://127.0.0.1:1', '--service', 'a b']],
    [['expose', '80', '--relay', 'ws://127.0.0.1:1', '--name', '-']],
    [['expose', '80', '--relay', 'ws://127.0.0.1:1', '--alpn', '']],
    [['expose', '80', '--relay', 'ws://127.0.0.1:1', '--alpn', 'a'.repeat(65)]],
    [['expose', '80', '--relay', 'ws://127.0.0.1:1', ...Array.from({ length: 17 }, () => ['--alpn', 'a']).flat()]],
    [['connect', 'name', '--relay', 'ws://127.0.0.1:1', '--listen', '127.0.0.1:0', '--alpn', '']],
    [['expose', '80', '--relay', 'ws://127.0.0.1:1', '--drain', 'soon']],
    [['connect', 'name', '--relay', 'ws://127.0.0.1:1']],
    [['connect', 'name', '--relay', 'ws://127.0.0.1:1', '--listen', '127.0.0.1:0', '--stdio']],
    [['connect', 'name', '--relay', 'ws://127.0.0.1:1', '--listen', 'nowhere']],
    [['connect', 'na me', '--relay', 'ws://127.0.0.1:1', '--stdio']],
    [['connect', 'a'.repeat(56), '--relay', 'ws://127.0.0.1:1', '--stdio']],
    [['connect', 'name', '--stdio']],
    [['ls']],
    [['ls', '--relay', 'http://x']],
    [['ping']],
    [['ping', 'name']],
    [['ping', 'na me', '--relay', 'ws://127.0.0.1:1']],
    [['ping', 'name', '--relay', 'ws://127.0.0.1:1', '--count', '-1']],
    [['ping', 'name', '--relay', 'ws://127.0.0.1:1', '--count', '1.5']],
    [['ping', 'name', '--relay', 'ws://127.0.0.1:1', '--interval', '0']],
    [['ping', 'name', '--relay', 'ws://127.0.0.1:1', '--timeout', 'soon']],
    [['id']],
    [['id', 'new']],
    [['secret', 'new']],
    [['peers', 'accept']],
    [['completion']],
    [['completion', 'tcsh']],
    [['completion', 'toString']],
  ])('sealane %j is one error line and exit code 2', async (args) => {
    const { code, stdout, stderr } = await user.run(args);
    expect(stderr).toMatch(oneErrorLine);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('metadata beyond its limit is wrong usage', async () => {
    const metadata = JSON.stringify('x'.repeat(4_095));
    const { code, stderr } = await user.run(['expose', '80', '--relay', 'ws://127.0.0.1:1', '--metadata', metadata]);
    expect(stderr).toMatch(oneErrorLine);
    expect(code).toBe(2);
  });

  it('names the key file that cannot be used', async () => {
    const file = user.file('broken.json');
    await writeFile(file, '{}', { mode: 0o600 });
    const { code, stderr } = await user.run(['id', 'show', '--identity', file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(oneErrorLine);
    expect(stderr).toContain(file);
  });

  it('shows a stack only with --debug', async () => {
    const quiet = await user.run(['id', 'show', '--identity', user.file('none.json')]);
    const loud = await user.run(['id', 'show', '--identity', user.file('none.json'), '--debug']);
    expect(quiet.stderr).toMatch(oneErrorLine);
    expect(loud.stderr).toContain('\n    at ');
    expect([quiet.code, loud.code]).toEqual([1, 1]);
  });
});

describe('identities', () => {
  it('new writes a private key file, prints the id, and replaces nothing', async () => {
    const file = user.file('key.json');
    const first = await user.run(['id', 'new', '--out', file]);
    expect(first.stdout.trim()).toMatch(idPattern);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const before = await readFile(file, 'utf8');
    const second = await user.run(['id', 'new', '--out', file]);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/\(ERR_KEY_FILE_EXISTS\)\n$/);
    expect(await readFile(file, 'utf8')).toBe(before);
  });

  it('show prints the id alone and creates the default identity at first use', async () => {
    const first = await user.run(['id', 'show']);
    expect(first.stdout).toMatch(/^[a-z2-7]{56}\n$/);
    expect((await user.run(['id', 'show'])).stdout).toBe(first.stdout);
    expect(JSON.parse((await user.run(['id', 'show', '--json'])).stdout)).toMatchObject({
      id: first.stdout.trim(),
      epoch: 1,
    });
  });

  it('rotate keeps the id and raises the epoch', async () => {
    const id = await user.id();
    expect(JSON.parse((await user.run(['id', 'rotate', '--json'])).stdout)).toMatchObject({ id, epoch: 2 });
    expect(await user.id()).toBe(id);
  });

  it('refuses a key file that others can read', async () => {
    const file = user.file('key.json');
    await user.run(['id', 'new', '--out', file]);
    await writeFile(user.file('open.json'), await readFile(file), { mode: 0o644 });
    const { code, stderr } = await user.run(['id', 'show', '--identity', user.file('open.json')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/\(ERR_KEY_FILE_PERMISSIONS\)\n$/);
  });

  it('the configuration file names another default identity', async () => {
    const file = user.file('key.json');
    const { stdout } = await user.run(['id', 'new', '--out', file]);
    const config = user.file('config/sealane/config.json');
    await mkdir(dirname(config), { recursive: true });
    await writeFile(config, JSON.stringify({ identity: file }));
    expect((await user.run(['id', 'show'])).stdout).toBe(stdout);
    await writeFile(config, '{"identty":"x"}');
    const wrong = await user.run(['id', 'show']);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/\(ERR_CONFIG\)\n$/);
  });
});

describe('access secrets', () => {
  it('new writes a private file and never prints the secret', async () => {
    const file = user.file('secret');
    const { code, stdout, stderr } = await user.run(['secret', 'new', '--out', file]);
    const secret = (await readFile(file, 'utf8')).trim();
    expect(code).toBe(0);
    expect(secret).toMatch(/^sealane-secret-1:[a-z2-7]+$/);
    expect(stdout + stderr).not.toContain(secret.slice('sealane-secret-1:'.length));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });
});

describe('known peers', () => {
  const other = async () => (await user.run(['id', 'new', '--out', user.file(`${Math.random()}.json`)])).stdout.trim();

  it('accept, ls and forget work on the names of one relay', async () => {
    const [relay, owner] = [await other(), await other()];
    const accepted = await user.run(['peers', 'accept', 'db', `${owner}/sql`, '--relay-id', relay, '--json']);
    expect(JSON.parse(accepted.stdout)).toEqual({ name: 'db', id: owner, service: 'sql', relay });
    const listed = await user.run(['peers', 'ls', '--json']);
    expect(JSON.parse(listed.stdout)).toMatchObject({ kind: 'name', name: 'db', id: owner, service: 'sql', relay });
    expect((await user.run(['peers', 'ls'])).stdout).toContain(`db -> ${owner}/sql`);
    expect((await user.run(['peers', 'forget', 'db'])).code).toBe(0);
    expect((await user.run(['peers', 'ls', '--json'])).stdout).toBe('');
    const again = await user.run(['peers', 'forget', 'db']);
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(oneErrorLine);
  });

  it('accept asks which relay is meant when a name is known at several', async () => {
    const [first, second, owner] = [await other(), await other(), await other()];
    for (const relay of [first, second]) await user.run(['peers', 'accept', 'db', owner, '--relay-id', relay]);
    const { code, stderr } = await user.run(['peers', 'accept', 'db', owner]);
    expect(code).toBe(2);
    expect(stderr).toContain(first);
    expect(stderr).toContain(second);
  });
});

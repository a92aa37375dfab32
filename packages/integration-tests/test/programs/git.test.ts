import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireProgram, type SkippableTest, seededChunks, stopAllProcesses } from '@sealane/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startOnFreePort } from './support/free-port.js';
import { bothWays, outputOf, runProgram } from './support/run-program.js';
import { SshServer } from './support/ssh-server.js';
import { Tunnels } from './support/tunnels.js';

let directory: string;
let tunnels: Tunnels;
let history: Promise<void> | undefined;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sealane-git-'));
  tunnels = await Tunnels.create();
});
afterAll(async () => {
  await tunnels[Symbol.asyncDispose]();
  await stopAllProcesses();
  rmSync(directory, { recursive: true, force: true });
});

/** Nothing of the user or the machine, and the same ids every time. */
const identity = (who: string): Record<string, string> => ({
  [`GIT_${who}_NAME`]: 'A Committer',
  [`GIT_${who}_EMAIL`]: 'committer@sealane.test',
  [`GIT_${who}_DATE`]: '1700000000 +0000',
});
const environment = {
  ...identity('AUTHOR'),
  ...identity('COMMITTER'),
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
};

type Git = (where: string, ...args: readonly string[]) => Promise<string>;

async function setUp(
  context: SkippableTest,
): Promise<{ git: Git; run: (...args: readonly string[]) => ReturnType<typeof runProgram> }> {
  const program = requireProgram(context, 'git');
  const settings = ['-c', 'init.defaultBranch=main', '-c', 'protocol.version=2', '-c', 'gc.auto=0'];
  const env = { ...environment, GIT_CONFIG_GLOBAL: '/dev/null', HOME: directory };
  const git: Git = (where, ...args) => outputOf(program, ['-C', where, ...settings, ...args], { env });
  history ??= writeHistory(program, env);
  await history;
  return { git, run: (...args) => runProgram(program, ['-C', directory, ...settings, ...args], { env }) };
}

/** A bare repository with 300 commits on two branches, tags, and a large file. */
async function writeHistory(program: string, env: Record<string, string>): Promise<void> {
  const bare = join(directory, 'origin.git');
  await outputOf(program, ['init', '-q', '--bare', '-b', 'main', bare], { env });
  const parts: (string | Uint8Array)[] = [];
  const data = (content: Uint8Array | string): void => {
    parts.push(`data ${Buffer.byteLength(content)}\n`, content, '\n');
  };
  const committer = (index: number): string =>
    `committer A Committer <committer@sealane.test> ${1_700_000_000 + index} +0000\n`;
  for (let index = 0; index < 300; index++) {
    parts.push(`commit refs/heads/${index % 10 === 9 ? 'side' : 'main'}\nmark :${index + 1}\n${committer(index)}`);
    data(`commit ${index}`);
    if (index === 9) parts.push('from :9\n');
    else if (index > 9 && index % 10 === 9) parts.push(`from :${index - 9}\nmerge :${index}\n`);
    parts.push(`M 100644 inline "dir ${index % 17}/file-${index % 53}.bin"\n`);
    data(Buffer.concat([...seededChunks(index, 500 + ((index * 977) % 20_000))]));
    if (index === 150) {
      parts.push('M 100755 inline large.bin\n');
      data(Buffer.concat([...seededChunks(9_999, 5_000_000)]));
    }
  }
  parts.push(
    'reset refs/tags/middle\nfrom :150\n\ntag annotated\nfrom :300\ntagger A Committer <committer@sealane.test> 1700000000 +0000\n',
  );
  data('an annotated tag');
  const input = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  await outputOf(program, ['-C', bare, 'fast-import', '--quiet'], { env, input });
}

/** Clone, fetch, push and the refusals, over a URL that leads to one of the bare copies. */
async function workWith(
  { git, run }: Awaited<ReturnType<typeof setUp>>,
  name: string,
  url: (repository: string) => string,
): Promise<Record<string, unknown>> {
  const bare = join(directory, `${name}.git`);
  await git(directory, 'clone', '-q', '--mirror', '--no-hardlinks', join(directory, 'origin.git'), bare);
  await writeFile(join(bare, 'git-daemon-export-ok'), '');
  const clone = join(directory, `${name}-clone`);
  const objects = async (where: string): Promise<string> => {
    const list = await git(where, 'rev-list', '--objects', '--all');
    return list.split('\n').sort().join('\n');
  };
  await git(directory, 'clone', '-q', url(`${name}.git`), clone);
  const cloned = {
    refs: await git(clone, 'for-each-ref', '--format=%(refname) %(objectname)'),
    objects: await objects(clone),
  };
  const checked = await git(clone, 'fsck', '--full', '--strict', '--no-dangling');

  await git(directory, 'clone', '-q', '--depth', '3', '--branch', 'side', url(`${name}.git`), `${clone}-shallow`);
  const shallow = await objects(`${clone}-shallow`);
  await git(`${clone}-shallow`, 'fetch', '-q', '--unshallow');

  await mkdir(join(clone, 'pushed'));
  for (let index = 0; index < 200; index++) {
    await writeFile(join(clone, 'pushed', `${index}`), Buffer.concat([...seededChunks(20_000 + index, 20_000)]));
  }
  await git(clone, 'add', '.');
  await git(clone, 'commit', '-q', '-m', 'work');
  await git(clone, 'push', '-q', 'origin', 'main', 'main:refs/heads/copy');
  const pushed = { refs: await git(bare, 'for-each-ref'), objects: await objects(bare) };
  await git(bare, 'fsck', '--full', '--strict', '--no-dangling');

  // The other clone has not seen the push: its own is refused, and after a fetch it knows.
  const shallowClone = `${clone}-shallow`;
  await git(shallowClone, 'commit', '-q', '--allow-empty', '-m', 'behind');
  const refused = await run('-C', shallowClone, 'push', 'origin', 'HEAD:main');
  await git(shallowClone, 'fetch', '-q', 'origin', 'main');
  const fetched = await git(shallowClone, 'rev-parse', 'FETCH_HEAD');
  expect(fetched).toBe(await git(clone, 'rev-parse', 'main'));
  expect(refused.stderr).toMatch(/rejected/);
  const missing = await run('ls-remote', url('missing.git'));
  return { cloned, checked, shallow, pushed, fetched, refused: refused.code, missing: missing.code };
}

test('git over ssh: clone, fetch, push and fsck give the same objects', async (context) => {
  const ssh = requireProgram(context, 'ssh');
  const tools = await setUp(context);
  await using server = await SshServer.start(context, directory);
  const tunnel = await tunnels.open(server.port);
  const { direct, through } = await bothWays(tunnel, async (port, way) => {
    const command = [ssh, ...server.clientOptions].join(' ');
    const git: Git = (where, ...args) => tools.git(where, '-c', `core.sshCommand=${command}`, ...args);
    const run: typeof tools.run = (...args) => tools.run('-c', `core.sshCommand=${command}`, ...args);
    const url = (repository: string): string => `ssh://${server.user}@127.0.0.1:${port}${directory}/${repository}`;
    return await workWith({ git, run }, `ssh-${way}`, url);
  });
  expect(through).toEqual(direct);
  expect(through).toMatchObject({ refused: 1, missing: 128, checked: '' });
});

test('git over its own daemon: clone, fetch, push and fsck give the same objects', async (context) => {
  const program = requireProgram(context, 'git');
  const tools = await setUp(context);
  const { port: daemon, process: server } = await startOnFreePort(
    program,
    (port) => [
      ...['daemon', '--verbose', '--log-destination=stderr', '--listen=127.0.0.1', `--port=${port}`],
      ...[`--base-path=${directory}`, '--enable=receive-pack', '--reuseaddr', directory],
    ],
    { ready: /Ready to rumble/, env: { ...environment, GIT_CONFIG_GLOBAL: '/dev/null', HOME: directory } },
  );
  const tunnel = await tunnels.open(daemon);
  const { direct, through } = await bothWays(tunnel, (port, way) =>
    workWith(tools, `daemon-${way}`, (repository) => `git://127.0.0.1:${port}/${repository}`),
  );
  expect(through).toEqual(direct);
  expect(through).toMatchObject({ refused: 1, missing: 128, checked: '' });
  await server.kill();
});

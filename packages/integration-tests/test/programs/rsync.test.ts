import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireProgram, stopAllProcesses } from '@sealane/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startOnFreePort } from './support/free-port.js';
import { bothWays, outputOf } from './support/run-program.js';
import { SshServer } from './support/ssh-server.js';
import { changeTree, describeTree, writeTree } from './support/tree.js';
import { Tunnels } from './support/tunnels.js';

let directory: string;
let tunnels: Tunnels;

beforeAll(async () => {
  tunnels = await Tunnels.create();
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sealane-rsync-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});
afterAll(async () => {
  await tunnels[Symbol.asyncDispose]();
  await stopAllProcesses();
});

interface Copy {
  /** Files and bytes as rsync counts them. */
  readonly statistics: readonly string[];
  readonly tree: readonly string[];
}

/** What is the same however the bytes travel: rsync's own traffic differs by a few bytes of its check sum seed. */
function countsOf(output: string): string[] {
  return output
    .split('\n')
    .filter((line) => /^(Number of .*files|Total file size|Literal data|Matched data)/.test(line));
}

function literalBytes({ statistics }: Copy): number {
  const line = statistics.find((text) => text.startsWith('Literal data')) ?? '';
  return Number(line.replaceAll(/\D/g, ''));
}

describe('rsync through expose and connect', () => {
  /** A first copy, and a second one after changes, directly and through the tunnel, each into a place of its own. */
  async function copyTwice(
    tunnel: Awaited<ReturnType<Tunnels['open']>>,
    copy: (port: number, way: string) => Promise<{ output: string; copied: string }>,
  ): Promise<void> {
    const source = join(directory, 'source');
    writeTree(source);
    const run = async (port: number, way: string): Promise<Copy> => {
      const { output, copied } = await copy(port, way);
      return { statistics: countsOf(output), tree: await describeTree(copied) };
    };
    const first = await bothWays(tunnel, run);
    expect(first.through).toEqual(first.direct);
    expect(first.through.tree).toEqual(await describeTree(source));
    changeTree(source);
    const second = await bothWays(tunnel, run);
    expect(second.through).toEqual(second.direct);
    expect(second.through.tree).toEqual(await describeTree(source));
    // Only the difference travelled.
    expect(literalBytes(first.through)).toBeGreaterThan(10_000_000);
    expect(literalBytes(second.through)).toBeLessThan(500_000);
  }

  const options = ['-a', '--delete', '--stats', '--no-human-readable'];

  test('over ssh: a tree arrives, then only what changed', async (context) => {
    const rsync = requireProgram(context, 'rsync');
    const ssh = requireProgram(context, 'ssh');
    await using server = await SshServer.start(context, directory);
    await copyTwice(await tunnels.open(server.port), async (port, way) => {
      const copied = join(directory, `copy-${way}`);
      const shell = [ssh, ...server.clientOptions, '-p', String(port)].join(' ');
      const target = `${server.user}@127.0.0.1:${copied}/`;
      return { output: await outputOf(rsync, [...options, '-e', shell, `${directory}/source/`, target]), copied };
    });
  });

  test('its own daemon: a tree is fetched with compression, then only what changed', async (context) => {
    const rsync = requireProgram(context, 'rsync');
    await mkdir(join(directory, 'source'));
    const configuration = join(directory, 'rsyncd.conf');
    const log = join(directory, 'rsyncd.log');
    // Who is no superuser cannot change the root or the user.
    const lines = ['use chroot = no', ...(process.getuid?.() === 0 ? ['uid = 0', 'gid = 0'] : [])];
    writeFileSync(configuration, [...lines, '[tree]', `path = ${directory}/source`, 'read only = yes', ''].join('\n'));
    const { port: daemon, process: server } = await startOnFreePort(
      '/bin/sh',
      (port) => [
        // With a socket as its input it would take itself for a child of inetd.
        ...['-c', 'exec "$0" "$@" </dev/null', rsync],
        ...['--daemon', '--no-detach', '--address=127.0.0.1', `--port=${port}`, `--config=${configuration}`],
        `--log-file=${log}`,
      ],
      { ready: /listening on port/, logFile: log },
    );
    await copyTwice(await tunnels.open(daemon), async (port, way) => {
      const copied = join(directory, `copy-${way}`);
      return {
        output: await outputOf(rsync, [...options, '-z', `rsync://127.0.0.1:${port}/tree/`, `${copied}/`]),
        copied,
      };
    });
    await server.kill();
  });
});

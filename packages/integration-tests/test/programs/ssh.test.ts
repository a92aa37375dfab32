import { mkdtempSync, rmSync } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connectTo,
  exchange,
  requireProgram,
  type SkippableTest,
  seededChunks,
  seededSha256,
  skipTest,
  startEchoServer,
  startHalfCloseServer,
  startProcess,
  stopAllProcesses,
} from '@sealane/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { cliFile } from '../three-processes.js';
import { largeBytes, sha256OfFile, testDirectory, writeSeededFile } from './support/files.js';
import { bothWays, outputOf, runProgram } from './support/run-program.js';
import { SshServer } from './support/ssh-server.js';
import { type Tunnel, Tunnels } from './support/tunnels.js';

let directory: string;
let tunnels: Tunnels;
let started: Promise<{ server: SshServer; tunnel: Tunnel }> | undefined;
let large: { readonly path: string; readonly sha256: string };

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sealane-ssh-'));
  tunnels = await Tunnels.create();
  const path = join(directory, 'large');
  large = { path, sha256: writeSeededFile(path, 11, largeBytes) };
});
afterAll(async () => {
  await (await started?.catch(() => undefined))?.server[Symbol.asyncDispose]();
  await tunnels[Symbol.asyncDispose]();
  await stopAllProcesses();
  rmSync(directory, { recursive: true, force: true });
});

/** One sshd and one tunnel to it for the whole file. */
function setUp(test: SkippableTest): Promise<{ server: SshServer; tunnel: Tunnel }> {
  started ??= SshServer.start(test, directory).then(async (server) => ({
    server,
    tunnel: await tunnels.open(server.port),
  }));
  return started;
}

describe('ssh through expose and connect', () => {
  test('a command gets its input, and its output, errors and exit status come back', async (context) => {
    const ssh = requireProgram(context, 'ssh');
    const { server, tunnel } = await setUp(context);
    const command = 'sha256sum; seq 1 200000; echo to-errors >&2; exit 23';
    const input = Buffer.concat([...seededChunks(12, 3_000_000)]);
    const { direct, through } = await bothWays(tunnel, (port) =>
      runProgram(ssh, [...server.login(port), command], { input }),
    );
    expect(through).toEqual(direct);
    expect(through).toMatchObject({ code: 23, stderr: 'to-errors\n' });
    expect(through.stdout).toMatch(/\n200000\n$/);
  });

  test('a session on a terminal answers line by line and ends with its status', async (context) => {
    const ssh = requireProgram(context, 'ssh');
    const { server, tunnel } = await setUp(context);
    // Who is no superuser may not own a new terminal on some machines; then sshd gives up, tunnel or not.
    const probe = await runProgram(ssh, ['-tt', ...server.login(server.port), 'echo a terminal']);
    if (!probe.stdout.includes('a terminal'))
      skipTest(context, 'sshd cannot give this user a terminal on this machine');
    const { direct, through } = await bothWays(tunnel, async (port) => {
      const [first = '', ...rest] = ['-tt', ...server.login(port), "PS1='ready> ' ENV= exec sh -i"];
      await using session = startProcess(first, rest, {
        command: ssh,
        events: 'none',
        env: { TERM: 'xterm', LC_ALL: 'C' },
      });
      const say = async (line: string, prompts: number): Promise<void> => {
        // The next line is typed only after the prompt that answers the one before.
        await vi.waitUntil(() => session.stdout.split('ready> ').length > prompts || session.hasExited, {
          timeout: 20_000,
        });
        session.child.stdin?.write(line);
      };
      const lines = ['test -t 0 && test -t 1 && echo on a terminal\n', 'stty -a | grep -o -- "-\\?isig"\n'];
      // Ctrl-C as a user types it: the remote terminal turns it into a signal.
      lines.push('sleep 100\n', '\u0003', 'echo $((6 * 7))\n', 'exit 7\n');
      let prompts = 0;
      for (const line of lines) {
        if (line === '\u0003') {
          await vi.waitUntil(() => session.stdout.includes('sleep 100\r\n') || session.hasExited, { timeout: 20_000 });
          session.child.stdin?.write(line);
        } else await say(line, ++prompts);
      }
      const exit = await session.exited;
      return { ...exit, transcript: session.stdout };
    });
    expect(through).toEqual(direct);
    expect(through.code).toBe(7);
    expect(through.transcript).toMatch(/on a terminal\r\n[\s\S]*isig\r\n[\s\S]*\^C[\s\S]*42\r\n/);
  });

  test('scp moves 200 MB in both directions', async (context) => {
    const scp = requireProgram(context, 'scp');
    const { server, tunnel } = await setUp(context);
    const target = testDirectory();
    const { direct, through } = await bothWays(tunnel, async (port, way) => {
      const remote = `${server.user}@127.0.0.1:`;
      const options = [...server.clientOptions, '-q', '-P', String(port)];
      const up = await runProgram(scp, [...options, large.path, `${remote}${target}/${way}-up`]);
      const down = await runProgram(scp, [...options, `${remote}${large.path}`, `${target}/${way}-down`]);
      const sums = [await sha256OfFile(`${target}/${way}-up`), await sha256OfFile(`${target}/${way}-down`)];
      for (const direction of ['up', 'down']) rmSync(`${target}/${way}-${direction}`);
      return { up, down, sums };
    });
    expect(through).toEqual(direct);
    expect(through).toMatchObject({ up: { code: 0 }, down: { code: 0 }, sums: [large.sha256, large.sha256] });
  });

  test('scp with its older protocol copies a tree with its times and modes', async (context) => {
    const scp = requireProgram(context, 'scp');
    const find = requireProgram(context, 'find');
    const { server, tunnel } = await setUp(context);
    const target = testDirectory();
    await outputOf('/bin/sh', [
      '-c',
      `mkdir -p "${target}/tree/a/b c" && cd "${target}/tree" && echo x > a/x && : > "a/b c/empty" && chmod 640 a/x && touch -d @1700000000 a/x`,
    ]);
    writeSeededFile(`${target}/tree/a/data`, 14, 5_000_000);
    const { direct, through } = await bothWays(tunnel, async (port, way) => {
      const remote = `${server.user}@127.0.0.1:${target}/tree`;
      const options = [...server.clientOptions, '-O', '-p', '-r', '-q', '-P', String(port)];
      const { code, stderr } = await runProgram(scp, [...options, remote, `${target}/${way}`]);
      const listing = await outputOf(find, [
        `${target}/${way}`,
        '-printf',
        '%P %y %m %T@ ',
        '-type',
        'f',
        '-printf',
        '%s ',
      ]);
      return { code, stderr, listing, sum: await sha256OfFile(`${target}/${way}/a/data`) };
    });
    expect(through).toEqual(direct);
    expect(through).toMatchObject({ code: 0, sum: seededSha256(14, 5_000_000) });
  });

  test('sftp moves 200 MB in both directions, and its listing and errors are the same', async (context) => {
    const sftp = requireProgram(context, 'sftp');
    const { server, tunnel } = await setUp(context);
    const target = testDirectory();
    const { direct, through } = await bothWays(tunnel, async (port, way) => {
      const batch = [
        `put ${large.path} ${target}/up`,
        `get ${large.path} ${target}/down`,
        ...[`rename ${target}/up ${target}/renamed`, `ls -1 ${target}`, `chmod 600 ${target}/renamed`],
        ...[`-rm ${target}/missing`, `mkdir ${target}/${way}`, `rmdir ${target}/${way}`, `get ${target}/missing`],
      ].join('\n');
      const result = await runProgram(
        sftp,
        [...server.clientOptions, '-q', '-P', String(port), '-b', '-', `${server.user}@127.0.0.1`],
        { input: `${batch}\n` },
      );
      const sums = [await sha256OfFile(`${target}/renamed`), await sha256OfFile(`${target}/down`)];
      for (const name of ['renamed', 'down']) rmSync(`${target}/${name}`);
      return { ...result, stdout: result.stdout.replaceAll(way, 'WAY'), sums };
    });
    expect(through).toEqual(direct);
    expect(through).toMatchObject({ code: 1, sums: [large.sha256, large.sha256] });
    expect(through.stderr).toMatch(/not found/i);
  });

  test('a transfer that was cut goes on where it stopped', async (context) => {
    const sftp = requireProgram(context, 'sftp');
    const { server, tunnel } = await setUp(context);
    const target = testDirectory();
    await copyFile(large.path, `${target}/part`);
    await outputOf('/bin/sh', ['-c', `truncate -s 150000001 "${target}/part"`]);
    await outputOf(
      sftp,
      [...server.clientOptions, '-q', '-P', String(tunnel.port), '-b', '-', `${server.user}@127.0.0.1`],
      { input: `reget ${large.path} ${target}/part\n` },
    );
    expect(await sha256OfFile(`${target}/part`)).toBe(large.sha256);
  });

  test('ports forwarded inside ssh carry bytes and half-closes, locally and remotely', async (context) => {
    const ssh = requireProgram(context, 'ssh');
    const { server, tunnel } = await setUp(context);
    await using echo = await startEchoServer();
    await using half = await startHalfCloseServer();
    const socket = join(testDirectory(), 'forwarded');
    const { direct, through } = await bothWays(tunnel, async (port, way) => {
      const local = ['-L', `${socket}-${way}:127.0.0.1:${half.port}`, '-R', `127.0.0.1:0:127.0.0.1:${echo.port}`];
      const [first = '', ...rest] = ['-N', '-o', 'LogLevel=INFO', ...server.login(port, ...local)];
      await using forward = startProcess(first, rest, { command: ssh, events: 'none', env: { LC_ALL: 'C' } });
      await vi.waitUntil(() => /Allocated port \d+/.test(forward.stderr) || forward.hasExited, { timeout: 20_000 });
      const remotePort = Number(/Allocated port (\d+)/.exec(forward.stderr)?.[1]);
      const text: Buffer[] = [];
      const halfClosed = await exchange({ path: `${socket}-${way}` }, seededChunks(16, 8_000_000), {
        onData: (chunk) => text.push(Buffer.from(chunk)),
      });
      const echoed = await exchange({ port: remotePort }, seededChunks(17, 8_000_000));
      return { halfClosed, answer: Buffer.concat(text).toString(), echoed };
    });
    expect(through).toEqual(direct);
    expect(through.answer).toBe(`8000000 ${seededSha256(16, 8_000_000)}\n`);
    expect(through.echoed).toEqual({ bytes: 8_000_000, sha256: seededSha256(17, 8_000_000), end: 'fin' });
  });

  test('connect --stdio serves as ProxyCommand, and the session is as on the direct way', async (context) => {
    const ssh = requireProgram(context, 'ssh');
    const { server, tunnel } = await setUp(context);
    // ssh takes % in a ProxyCommand for its own.
    const words = [process.execPath, cliFile, 'connect', tunnel.address.replaceAll('%', '%%'), '--stdio'];
    const proxy = words.map((word) => `'${word}'`).join(' ');
    const command = 'echo through ssh; sha256sum; exit 3';
    const input = Buffer.concat([...seededChunks(18, 2_000_000)]);
    const direct = await runProgram(ssh, [...server.login(server.port), command], { input });
    const through = await runProgram(ssh, [...server.login(1, '-o', `ProxyCommand=${proxy}`), command], {
      input,
      env: { ...tunnels.dialerEnv, SEALANE_RELAY: undefined },
    });
    expect(through).toMatchObject({ code: direct.code, stdout: direct.stdout });
    // The course of things is told on standard error, and an end in good order is no error.
    expect(through.stderr).not.toMatch(/error|ERR_/);
    expect(through).toMatchObject({ code: 3, stdout: expect.stringMatching(/^through ssh\n[0-9a-f]{64} {2}-\n$/) });
  });

  test('a server that goes away in the middle is told like on the direct way', async (context) => {
    const ssh = requireProgram(context, 'ssh');
    const { server, tunnel } = await setUp(context);
    // The remote command ends the sshd that serves it.
    const { direct, through } = await bothWays(tunnel, (port) =>
      runProgram(ssh, [...server.login(port), 'kill -9 $PPID; cat']),
    );
    expect(through.code).toBe(direct.code);
    expect(through.code).toBe(255);
    const probe = await connectTo({ port: tunnel.port });
    probe.destroy();
  });
});

test('the known host key of the server is checked through the tunnel', async (context) => {
  const ssh = requireProgram(context, 'ssh');
  const { server, tunnel } = await setUp(context);
  const known = join(testDirectory(), 'known');
  const wrong = (await readFile(join(directory, 'ssh', 'user.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
  await writeFile(known, `sealane-test ${wrong}\n`);
  const { direct, through } = await bothWays(tunnel, (port) =>
    // The first value of an option counts.
    runProgram(ssh, ['-o', `UserKnownHostsFile=${known}`, '-o', 'LogLevel=INFO', ...server.login(port), 'true']),
  );
  expect(through.code).toBe(direct.code);
  expect(through.code).toBe(255);
  expect(through.stderr).toMatch(/host key verification failed/i);
});

import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import {
  connectTo,
  isLongRun,
  requireProgram,
  runProcess,
  startProcess,
  stopAllProcesses,
  type TestProcess,
} from '@sealane/testkit';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { sealaneFile } from './programs.js';
import { World } from './world.js';

let world: World;
beforeAll(async () => {
  world = await World.create();
});
afterAll(async () => {
  await stopAllProcesses();
  await world.dispose();
});

describe('programs through expose and connect', () => {
  it('curl gets a page', async (context) => {
    const curl = requireProgram(context, 'curl');
    const server = http.createServer((_, response) => response.end('page through the relay'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port: target } = server.address() as AddressInfo;
    const { process: owner, address } = await world.expose(target, ['--service', 'curl']);
    const { process: dialer, port } = await world.connect(address);
    const result = await runProcess('-sS', ['--noproxy', '*', `http://127.0.0.1:${port}/`], { command: curl });
    expect(result).toMatchObject({ code: 0, stdout: 'page through the relay' });
    for (const process of [owner, dialer]) await process.kill();
    server.close();
    server.closeAllConnections();
  });

  it('ssh logs in with connect --stdio as its ProxyCommand', async (context) => {
    const ssh = requireProgram(context, 'ssh');
    const sshd = requireProgram(context, 'sshd');
    const keygen = requireProgram(context, 'ssh-keygen');
    const directory = world.owner.file('ssh');
    await mkdir(directory, { mode: 0o700 });
    for (const key of ['host', 'user']) {
      await runProcess('-q', ['-t', 'ed25519', '-N', '', '-f', `${directory}/${key}`], { command: keygen });
    }
    // What the service manager does before it starts sshd.
    const separation = '/run/sshd';
    const isMissing = !existsSync(separation);
    if (isMissing && process.getuid?.() === 0) await mkdir(separation, { mode: 0o755 });
    await writeFile(
      `${directory}/config`,
      [
        `HostKey ${directory}/host`,
        `AuthorizedKeysFile ${directory}/user.pub`,
        'StrictModes no',
        'UsePAM no',
        `PidFile ${directory}/pid`,
      ].join('\n'),
    );
    if (isMissing) onTestFinished(() => rm(separation, { recursive: true, force: true }));
    // sshd cannot be told to take any free port: below the range that the platform gives out, few are taken.
    let port = 0;
    let server: TestProcess | undefined;
    while (server === undefined || !server.stderr.includes('listening on')) {
      port = randomInt(10_000, 32_000);
      const started = startProcess('-D', ['-e', '-o', `ListenAddress=127.0.0.1:${port}`, '-f', `${directory}/config`], {
        command: sshd,
        events: 'none',
      });
      await expect.poll(() => started.stderr).toMatch(/listening on|already in use/);
      server = started;
    }
    const { process: owner, address } = await world.expose(port, ['--service', 'ssh']);
    // ssh takes % in a ProxyCommand for its own.
    const words = [process.execPath, sealaneFile, 'connect', address.replaceAll('%', '%%'), '--stdio'];
    const proxy = words.map((word) => `'${word}'`).join(' ');
    const result = await runProcess(
      '-o',
      [
        `ProxyCommand=${proxy}`,
        ...['-o', 'StrictHostKeyChecking=no', '-o', `UserKnownHostsFile=${directory}/known`, '-o', 'BatchMode=yes'],
        ...['-F', '/dev/null', '-i', `${directory}/user`, `${userInfo().username}@exposed`, 'echo through ssh'],
      ],
      { command: ssh, env: world.dialer.env },
    );
    expect(result.stdout, result.stderr).toBe('through ssh\n');
    expect(result.code).toBe(0);
    for (const program of [owner, server]) await program.kill();
  });
});

describe('one connect', () => {
  const count = isLongRun() ? 10_000 : 1_500;

  it(`holds ${count} local connections at once, in more sessions than one`, { timeout: 180_000 }, async () => {
    // The echo server is a process of its own: this one holds the other ends.
    const script = `
      require('node:net').createServer((socket) => { socket.on('error', () => socket.destroy()); socket.pipe(socket); })
        .listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, function () {
          console.log(JSON.stringify({ event: 'listening', port: this.address().port }));
        });`;
    const echo = startProcess('-e', [script], { label: 'echo' });
    const { port: target } = await echo.waitFor('listening');
    const { process: owner, address } = await world.expose(String(target), ['--service', 'crowd']);
    const { process: dialer, port } = await world.connect(address);
    const sockets = [];
    for (let opened = 0; opened < count; opened += 250) {
      const batch = await Promise.all(Array.from({ length: 250 }, () => connectTo({ port })));
      sockets.push(...batch);
      await Promise.all(batch.map((socket) => echoOnce(socket, 'first')));
    }
    await Promise.all(sockets.map((socket) => echoOnce(socket, 'again')));
    const sessions = owner.events.filter(({ event, state }) => event === 'session' && state === 'open');
    expect(sessions.length).toBeGreaterThanOrEqual(Math.ceil(count / 1_024));
    expect(sessions.length).toBeLessThanOrEqual(16);
    for (const socket of sockets) socket.destroy();
    for (const process of [owner, dialer, echo]) await process.kill();
  });
});

function echoOnce(socket: Awaited<ReturnType<typeof connectTo>>, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection closed')));
    socket.once('data', (chunk) => {
      socket.removeAllListeners('close').removeAllListeners('error');
      if (chunk.toString() === text) resolve();
      else reject(new Error(`got ${chunk.toString()}`));
    });
    socket.write(text);
  });
}

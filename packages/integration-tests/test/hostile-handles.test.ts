import net from 'node:net';
import {
  exchange,
  requireProgram,
  seededChunks,
  seededSha256,
  startEchoServer,
  stopAllProcesses,
  type Target,
} from '@sealane/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HostileClient } from '../../../apps/relay/test/hostile-client.js';
import { acceptBacklog, openFiles, setMaxOpenFiles } from './support/handles.js';
import { ThreeProcesses } from './three-processes.js';

let backend: Awaited<ReturnType<typeof startEchoServer>>;
beforeAll(async () => {
  backend = await startEchoServer();
});
afterEach(stopAllProcesses);
afterAll(() => backend.close());

async function expectBytes(target: Target, seed: number): Promise<void> {
  const received = await exchange(target, seededChunks(seed, 2_000_000));
  expect(received).toEqual({ bytes: 2_000_000, sha256: seededSha256(seed, 2_000_000), end: 'fin' });
}

/** Resolves when the relay has let the socket in or refused it. */
function openSocket(port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => socket.destroy());
  socket.resume();
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(socket));
    socket.once('close', () => resolve(socket));
  });
}

/** The relay has taken every connection and closed those that were given up. */
async function settled(three: ThreeProcesses, files: number): Promise<void> {
  await expect.poll(() => acceptBacklog(three.relayPort), { timeout: 20_000 }).toBe(0);
  await expect.poll(() => openFiles(three.relay.pid), { timeout: 20_000 }).toBeLessThanOrEqual(files);
}

describe.each([256, 64])('a relay that may open %i files', (files) => {
  it('refuses more sockets with a code, serves those it has and new clients, and recovers', async () => {
    await using three = await ThreeProcesses.start(`127.0.0.1:${backend.port}`, { relayOpenFiles: files });
    await three.relay.waitFor('warning', ({ code }) => code === 'OPEN_FILES');
    await expectBytes(three.target, 1);
    const before = openFiles(three.relay.pid);

    // Strangers that say nothing: the oldest go, so that who authenticates finds a handle.
    const strangers = await Promise.all(Array.from({ length: 600 }, () => openSocket(three.relayPort)));
    await expectBytes(three.target, 2);
    const again = await three.connectAgain();
    await expectBytes(again.target, 3);
    await three.relay.waitFor('refused', ({ code }) => code === 'UNAUTHENTICATED');
    for (const socket of strangers) socket.destroy();
    await again.dialer.kill();
    await settled(three, before);

    // Clients that are known: those that came first stay, more are told so.
    const clients: HostileClient[] = [];
    for (let client = await HostileClient.tryConnect(three.relayUrl); client !== undefined; ) {
      clients.push(client);
      client = await HostileClient.tryConnect(three.relayUrl);
    }
    expect(clients.length).toBeGreaterThan(20);
    expect(clients.length).toBeLessThan(files);
    const refused = await fetch(three.relayUrl.replace('ws:', 'http:'));
    expect([refused.status, await refused.text()]).toEqual([503, expect.stringMatching(/^SOCKETS: /)]);
    await expectBytes(three.target, 4);
    expect(clients.filter(({ isClosed }) => isClosed)).toEqual([]);
    for (const client of clients) client.close();
    await settled(three, before);

    // At the first attempt: the handles are free.
    const client = await HostileClient.connect(three.relayUrl);
    expect(await client.register({})).toBe('REGISTERED');
    client.close();
    await expectBytes(three.target, 5);
    expect([three.relay.hasExited, three.relay.stderr]).toEqual([false, '']);
  });
});

describe('a relay that runs out of files because others take them', () => {
  it.for(['read', 'closed', 'full'] as const)(
    'serves those it has and recovers, with its log %s',
    async (log, context) => {
      const prlimit = requireProgram(context, 'prlimit');
      await using three = await ThreeProcesses.start(`127.0.0.1:${backend.port}`);
      await expectBytes(three.target, 1);
      const { stdout, stderr } = three.relay.child;
      if (log === 'closed') {
        stdout?.destroy();
        stderr?.destroy();
      } else if (log === 'full') stdout?.pause();
      const before = openFiles(three.relay.pid);
      setMaxOpenFiles(prlimit, three.relay.pid, before + 3);
      const sockets = await Promise.all(Array.from({ length: 500 }, () => openSocket(three.relayPort)));
      // A few are in, the kernel's queue is empty: the others were turned away.
      await expect
        .poll(() => sockets.filter(({ closed }) => closed).length, { timeout: 20_000 })
        .toBeGreaterThanOrEqual(490);
      await expectBytes(three.target, 2);
      await expectBytes(three.target, 3);
      for (const socket of sockets) socket.destroy();
      await settled(three, before);
      const again = await three.connectAgain();
      await expectBytes(again.target, 4);
      expect([three.relay.hasExited, three.relay.stderr]).toEqual([false, '']);
    },
  );
});

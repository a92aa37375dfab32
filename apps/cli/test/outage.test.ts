import type { Socket } from 'node:net';
import {
  collect,
  connectTo,
  exchange,
  FaultyWire,
  type ProcessEvent,
  seededChunks,
  seededSha256,
  startEchoServer,
  startServer,
  stopAllProcesses,
  streamEnd,
  type TestServer,
  writeAll,
} from '@sealane/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { World } from './world.js';

let world: World;
let echo: TestServer;

beforeAll(async () => {
  echo = await startEchoServer();
});
beforeEach(async () => {
  world = await World.create();
});
afterEach(async () => {
  await stopAllProcesses();
  await world.dispose();
});
afterAll(() => echo.close());

const works = async (port: number): Promise<void> => {
  expect(await exchange({ port }, [Buffer.from('works')])).toMatchObject({ bytes: 5, end: 'fin' });
};

/** A local connection whose stream has been to the echo server and back. */
const openStream = async (port: number): Promise<Socket> => {
  const socket = await connectTo({ port });
  socket.write('x');
  await new Promise((resolve) => socket.once('data', resolve));
  return socket;
};

describe('when things fail', () => {
  it('an unreachable relay is waited for, with status events, by both sides', async () => {
    await world.killRelay();
    const owner = world.startExpose(String(echo.port), ['--allow', world.dialerId]);
    const dialer = world.startConnect(world.ownerId, ['--relay', world.relayUrl]);
    for (const process of [owner, dialer]) {
      expect(await process.waitFor('status', ({ state }) => state === 'waiting')).toMatchObject({
        code: 'ERR_LINK_FAILED',
      });
    }
    const { address } = await dialer.waitFor('listening');
    await world.restartRelay();
    await owner.waitFor('ready');
    await works(Number(String(address).split(':')[1]));
  });

  it('an absent owner is waited for; a local connection waits with it', async () => {
    const dialer = await world.connect(world.ownerId, ['--relay', world.relayUrl]);
    expect(await dialer.process.waitFor('status', ({ state }) => state === 'waiting')).toMatchObject({
      code: 'ERR_RELAY_NO_OWNER',
    });
    const waiting = works(dialer.port);
    await world.expose(echo.port);
    await waiting;
  });

  it('a relay that is killed and started again costs no open stream and no byte, and both sides say what happened', async () => {
    const { process: owner, address } = await world.expose(echo.port);
    const { process: dialer, port } = await world.connect(address);
    const socket = await connectTo({ port });
    const bytes = 24 * 1_048_576;
    let received = 0;
    let reached = (): void => {};
    const aThird = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const onChunk = (chunk: Uint8Array): void => {
      received += chunk.length;
      if (received > bytes / 3) reached();
    };
    const answer = collect(socket, onChunk, { readsByCall: true });
    const written = writeAll(socket, seededChunks(7, bytes)).then(() => socket.end());
    await aThird;
    await world.killRelay();
    expect(received).toBeLessThan(bytes);
    for (const process of [owner, dialer]) {
      expect(await process.waitFor('session', ({ state }) => state === 'interrupted')).toMatchObject({
        peer: process === owner ? world.dialerId : world.ownerId,
        code: 'ERR_E2EE_TRUNCATED',
      });
    }
    await world.restartRelay();
    await written;
    expect(await answer).toEqual({ bytes, sha256: seededSha256(7, bytes), end: 'fin' });
    for (const process of [owner, dialer]) {
      const resumed = await process.waitFor('session', ({ state }) => state === 'resumed');
      expect(Number(resumed['gapMs'])).toBeGreaterThan(0);
      expect(process.events).not.toContainEqual(expect.objectContaining({ event: 'session', state: 'closed' }));
      expect(process.events).not.toContainEqual(expect.objectContaining({ event: 'stream', state: 'reset' }));
    }
    await works(port);
  });

  it('with --resume 0 a relay that restarts costs the open streams, never a false end, and both sides come back by themselves', async () => {
    const { process: owner, address } = await world.expose(echo.port, ['--resume', '0']);
    const { process: dialer, port } = await world.connect(address, ['--resume', '0']);
    const end = streamEnd(await openStream(port));
    const seen = owner.events.length;
    await world.killRelay();
    expect(await end).toBe('reset');
    await world.restartRelay();
    await owner.waitFor('status', ({ state }) => state === 'lease-registered', { from: seen });
    await works(port);
    expect(dialer.hasExited).toBe(false);
    expect(dialer.events).not.toContainEqual(expect.objectContaining({ state: 'interrupted' }));
  });

  it('one side with --resume 0 is enough to turn it off', async () => {
    const { address } = await world.expose(echo.port, ['--resume', '0']);
    const { process: dialer, port } = await world.connect(address);
    const end = streamEnd(await openStream(port));
    await world.killRelay();
    expect(await end).toBe('reset');
    await dialer.waitFor('status', ({ state }) => state === 'session-lost');
  });

  it('a relay that does not come back within --resume costs the open streams', async () => {
    const { address } = await world.expose(echo.port);
    const { process: dialer, port } = await world.connect(address, ['--resume', '1.5']);
    const end = streamEnd(await openStream(port));
    await world.killRelay();
    expect(await end).toBe('reset');
    expect(await dialer.waitFor('stream', ({ state }) => state === 'reset')).toMatchObject({
      code: 'ERR_E2EE_TRUNCATED',
    });
    const names = ({ event, state }: ProcessEvent): string => `${event} ${state}`;
    const told = dialer.events.map(names);
    expect(told.indexOf('session interrupted')).toBeGreaterThan(-1);
    expect(told.indexOf('session interrupted')).toBeLessThan(told.indexOf('stream reset'));
  });

  it('a link that is cut is made again, and its streams go on', async () => {
    await using wire = await FaultyWire.start({ port: world.relayPort });
    const through = `ws://127.0.0.1:${wire.port}`;
    const { address } = await world.expose(echo.port, ['--relay', through]);
    const { process: dialer, port } = await world.connect(address);
    const socket = await openStream(port);
    wire.cutAll();
    socket.write('y');
    expect(await new Promise((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())))).toBe('y');
    await dialer.waitFor('session', ({ state }) => state === 'resumed');
    await works(port);
    socket.destroy();
  });
});

describe('signals', () => {
  it('SIGTERM ends both sides with exit code 0 when nothing is open', async () => {
    const { process: owner, address } = await world.expose(echo.port);
    const { process: dialer, port } = await world.connect(address);
    await works(port);
    expect(await dialer.stop()).toEqual({ code: 0, signal: null });
    expect(await owner.stop()).toEqual({ code: 0, signal: null });
    expect(await dialer.waitFor('stopping')).toMatchObject({ drainMs: 10_000 });
  });

  it('open connections may finish after SIGTERM', async () => {
    const { process: owner, address } = await world.expose(echo.port);
    const { process: dialer, port } = await world.connect(address);
    const socket = await connectTo({ port });
    socket.write('a');
    await new Promise((resolve) => socket.once('data', resolve));
    const end = streamEnd(socket);
    dialer.signal('SIGTERM');
    await dialer.waitFor('stopping');
    socket.write('b');
    expect(await new Promise((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())))).toBe('b');
    socket.end();
    expect(await end).toBe('fin');
    expect((await dialer.exited).code).toBe(0);
    await owner.stop();
  });

  it('connections still open after --drain are reset, and the exit code is 0', async () => {
    const { process: owner, address } = await world.expose(echo.port, ['--drain', '1']);
    const { process: dialer, port } = await world.connect(address, ['--drain', '1']);
    const socket = await connectTo({ port });
    socket.write('a');
    await new Promise((resolve) => socket.once('data', resolve));
    const end = streamEnd(socket);
    owner.signal('SIGTERM');
    expect((await owner.exited).code).toBe(0);
    expect(await end).toBe('reset');
    expect(await dialer.stop()).toEqual({ code: 0, signal: null });
  });

  it.each([
    ['SIGTERM', ['--drain', '0'], 1],
    ['SIGINT', ['--drain', '0.5'], 1],
    ['SIGHUP', ['--drain', '30'], 2],
  ] as const)(
    'the other side is told at once when %s ends a program with %j after %i signals',
    async (signal, drain, signals) => {
      // Who is told does not wait for the other one to come back: a minute would be too long for this test.
      for (const who of ['owner', 'dialer'] as const) {
        const exposed = await startQueue();
        const { process: owner, address } = await world.expose(exposed.server.port, drain);
        const { process: dialer, port } = await world.connect(address, drain);
        const [local, target] = await Promise.all([connectTo({ port }), exposed.next]);
        for (const socket of [local, target]) socket.on('error', () => {});
        target.write('x');
        await new Promise((resolve) => local.once('data', resolve));
        const [ending, staying] = who === 'owner' ? [owner, dialer] : [dialer, owner];
        const end = streamEnd(who === 'owner' ? local : target.resume());
        ending.signal(signal);
        await ending.waitFor('stopping');
        if (signals === 2) ending.signal(signal);
        expect(await end).toBe('reset');
        expect((await ending.exited).code).toBe(0);
        expect(await staying.waitFor('stream', ({ state }) => state === 'reset')).toMatchObject({
          code: expect.stringMatching(/^ERR_(STREAM_RESET|E2EE_ABORTED|E2EE_CLOSED)$/),
        });
        expect(staying.events).not.toContainEqual(expect.objectContaining({ state: 'interrupted' }));
        await staying.kill();
        await exposed.server.close();
      }
    },
  );

  it('the other side is told at once when a failure ends a program', async () => {
    await using flood = await startFlood();
    const { process: owner, address } = await world.expose(flood.port);
    const dialer = world.startConnect(address, ['--stdio']);
    await dialer.waitFor('stream', ({ state }) => state === 'open');
    dialer.child.stdout?.destroy();
    expect((await dialer.exited).code).toBe(1);
    await owner.waitFor('session', ({ state }) => state === 'closed');
    expect(owner.events).not.toContainEqual(expect.objectContaining({ state: 'interrupted' }));
  });

  it('a second signal ends at once', async () => {
    const { process: owner, address } = await world.expose(echo.port);
    const { process: dialer, port } = await world.connect(address);
    const socket = await connectTo({ port });
    socket.write('a');
    await new Promise((resolve) => socket.once('data', resolve));
    const end = streamEnd(socket);
    for (const process of [dialer, owner]) {
      process.signal('SIGTERM');
      await process.waitFor('stopping');
      process.signal('SIGTERM');
      expect((await process.exited).code).toBe(0);
    }
    expect(await end).toBe('reset');
  });

  it.each([
    ['the end of the --drain of connect', 1],
    ['a second signal to connect', 2],
  ])('%s in the middle of a transfer is a reset for the local program, never an end', async (_, signals) => {
    const flood = await startFlood();
    const { address } = await world.expose(flood.port);
    const { process: dialer, port } = await world.connect(address, ['--drain', '1']);
    const socket = await connectTo({ port });
    const end = streamEnd(socket);
    await new Promise((resolve) => socket.once('data', resolve));
    dialer.signal('SIGTERM');
    await dialer.waitFor('stopping');
    if (signals === 2) dialer.signal('SIGTERM');
    expect(await end).toBe('reset');
    expect((await dialer.exited).code).toBe(0);
    await flood.close();
  });

  it('the end of expose in the middle of a transfer is a reset for the exposed program', async () => {
    const ends: Promise<string>[] = [];
    const sink = await startServer((socket) => {
      socket.resume();
      ends.push(streamEnd(socket));
    });
    const { process: owner, address } = await world.expose(sink.port, ['--drain', '1']);
    const { port } = await world.connect(address);
    const socket = await connectTo({ port });
    socket.on('error', () => socket.destroy());
    socket.write('half of it');
    await owner.waitFor('stream', ({ state }) => state === 'open');
    expect(await owner.stop()).toEqual({ code: 0, signal: null });
    expect(await ends[0]).toBe('reset');
    socket.destroy();
    await sink.close();
  });
});

/** A server, and the first socket that comes in. */
async function startQueue(): Promise<{ readonly server: TestServer; readonly next: Promise<Socket> }> {
  let take: (socket: Socket) => void = () => {};
  const next = new Promise<Socket>((resolve) => {
    take = resolve;
  });
  return { server: await startServer((socket) => take(socket)), next };
}

/** A server that sends to everybody who connects, as fast as they read. */
async function startFlood(): Promise<TestServer> {
  const chunk = Buffer.alloc(65_536, 1);
  return await startServer((socket) => {
    const write = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', write);
    write();
  });
}

import {
  connectTo,
  exchange,
  FaultyWire,
  startEchoServer,
  startServer,
  stopAllProcesses,
  streamEnd,
  type TestServer,
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

  it('a relay that restarts costs the open streams, never a false end, and both sides come back by themselves', async () => {
    const { process: owner, address } = await world.expose(echo.port);
    const { process: dialer, port } = await world.connect(address);
    const socket = await connectTo({ port });
    socket.write('x');
    await new Promise((resolve) => socket.once('data', resolve));
    const end = streamEnd(socket);
    const seen = owner.events.length;
    await world.killRelay();
    expect(await end).toBe('reset');
    await world.restartRelay();
    await owner.waitFor('status', ({ state }) => state === 'lease-registered', { from: seen });
    await works(port);
    expect(dialer.hasExited).toBe(false);
  });

  it('a link that is cut is made again', async () => {
    await using wire = await FaultyWire.start({ port: world.relayPort });
    const through = `ws://127.0.0.1:${wire.port}`;
    const { address } = await world.expose(echo.port, ['--relay', through]);
    const { process: dialer, port } = await world.connect(address);
    await works(port);
    wire.cutAll();
    await dialer.waitFor('status', ({ state }) => state === 'session-lost');
    await works(port);
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

import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { pipeSocketOptions } from '@sealane/client/node';
import { connectTo, startServer, stopAllProcesses, streamEnd, type TestServer } from '@sealane/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { World } from './world.js';

let world: World;
beforeAll(async () => {
  world = await World.create();
});
afterAll(async () => {
  await stopAllProcesses();
  await world.dispose();
});

const rounds = 200;

/** A server that gives its sockets out in the order in which they came. */
async function startQueueServer(): Promise<{ server: TestServer; next(): Promise<net.Socket> }> {
  const sockets: net.Socket[] = [];
  const waiting: ((socket: net.Socket) => void)[] = [];
  const server = await startServer((socket) => {
    const waiter = waiting.shift();
    if (waiter === undefined) sockets.push(socket);
    else waiter(socket);
  });
  const next = (): Promise<net.Socket> => {
    const socket = sockets.shift();
    return socket === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(socket);
  };
  return { server, next };
}

/** Both have heard of each other: a stream that is reset before that costs tokens, which would only slow the test down. */
async function greet(from: net.Socket, to: net.Socket): Promise<void> {
  const greeting = once(to, 'data');
  from.write('hello');
  await greeting;
}

/** How `far` saw the last data of `near` end, after `far` had ended its own direction. */
async function countEndsAfterOurs(
  join: () => Promise<[near: net.Socket, far: net.Socket]>,
  how: 'reset' | 'end',
): Promise<Record<string, number>> {
  const ends: Record<string, number> = {};
  for (let round = 0; round < rounds; round += 1) {
    const [near, far] = await join();
    await greet(near, far);
    const heard = once(near, 'end');
    near.resume();
    far.end();
    await heard;
    const kind = lastEnd(far);
    near.write('data');
    if (how === 'reset') near.resetAndDestroy();
    else near.end();
    const seen = await kind;
    ends[seen] = (ends[seen] ?? 0) + 1;
    near.destroy();
    far.destroy();
  }
  return ends;
}

/** This test's own socket meets what it tests, too: it reads in turns of its own, so that a reset is an error. */
function lastEnd(socket: net.Socket): Promise<string> {
  let bytes = 0;
  socket.on('readable', () =>
    setImmediate(() => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) bytes += chunk.length;
    }),
  );
  return new Promise((resolve) => {
    socket.once('error', () => resolve('reset'));
    socket.once('end', () => resolve(bytes === 'data'.length ? 'fin' : 'cut'));
  });
}

/** A connected socket that can tell the two ends apart after its own end. */
async function connectStrictly(port: number): Promise<net.Socket> {
  const socket = net.connect({ ...pipeSocketOptions, port, host: '127.0.0.1' });
  await once(socket, 'connect');
  return socket;
}

describe('a reset never becomes an end', () => {
  it('a local connection that is reset at once, with nothing exchanged', async () => {
    const { server, next } = await startQueueServer();
    const { process: owner, address } = await world.expose(server.port, ['--service', 'once']);
    const { process: dialer, port } = await world.connect(address);
    for (let round = 0; round < 50; round += 1) {
      const [socket, peer] = await Promise.all([connectTo({ port }), next()]);
      const end = streamEnd(peer);
      peer.resume();
      socket.resetAndDestroy();
      expect(await end).toBe('reset');
      peer.destroy();
    }
    for (const process of [owner, dialer]) await process.kill();
    await server.close();
  });

  it(`${rounds} local resets right after data, on the side of connect`, async () => {
    const { server, next } = await startQueueServer();
    const { process: owner, address } = await world.expose(server.port, ['--service', 'up']);
    const { process: dialer, port } = await world.connect(address);
    const ends: Record<string, number> = {};
    for (let round = 0; round < rounds; round += 1) {
      const [socket, peer] = await Promise.all([connectTo({ port }), next()]);
      await greet(peer, socket);
      const end = streamEnd(peer);
      peer.resume();
      socket.write(`data ${round}`);
      socket.resetAndDestroy();
      const kind = await end;
      ends[kind] = (ends[kind] ?? 0) + 1;
      peer.destroy();
    }
    expect(ends).toEqual({ reset: rounds });
    for (const process of [owner, dialer]) await process.kill();
    await server.close();
  });

  it(`${rounds} resets of the target right after data, on the side of expose`, async () => {
    const { server, next } = await startQueueServer();
    const { process: owner, address } = await world.expose(server.port, ['--service', 'down']);
    const { process: dialer, port } = await world.connect(address);
    const ends: Record<string, number> = {};
    for (let round = 0; round < rounds; round += 1) {
      const [socket, peer] = await Promise.all([connectTo({ port }), next()]);
      await greet(socket, peer);
      const end = streamEnd(socket);
      socket.resume();
      peer.write(`data ${round}`);
      peer.resetAndDestroy();
      const kind = await end;
      ends[kind] = (ends[kind] ?? 0) + 1;
      socket.destroy();
    }
    expect(ends).toEqual({ reset: rounds });
    for (const process of [owner, dialer]) await process.kill();
    await server.close();
  });

  it(`${rounds} local resets right after data, when the target has ended its direction before`, async () => {
    const server = net.createServer({ ...pipeSocketOptions }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const target = (server.address() as AddressInfo).port;
    const { process: owner, address } = await world.expose(target, ['--service', 'lateup']);
    const { process: dialer, port } = await world.connect(address);
    const join = async (): Promise<[net.Socket, net.Socket]> => {
      const [near, [far]] = await Promise.all([connectTo({ port }), once(server, 'connection')]);
      return [near, far];
    };
    expect(await countEndsAfterOurs(join, 'reset')).toEqual({ reset: rounds });
    expect(await countEndsAfterOurs(join, 'end')).toEqual({ fin: rounds });
    for (const process of [owner, dialer]) await process.kill();
    server.close();
  });

  it(`${rounds} resets of the target right after data, when the local side has ended its direction before`, async () => {
    const { server, next } = await startQueueServer();
    const { process: owner, address } = await world.expose(server.port, ['--service', 'latedown']);
    const { process: dialer, port } = await world.connect(address);
    const join = async (): Promise<[net.Socket, net.Socket]> => {
      const [far, near] = await Promise.all([connectStrictly(port), next()]);
      return [near, far];
    };
    expect(await countEndsAfterOurs(join, 'reset')).toEqual({ reset: rounds });
    expect(await countEndsAfterOurs(join, 'end')).toEqual({ fin: rounds });
    for (const process of [owner, dialer]) await process.kill();
    await server.close();
  });

  it.each([
    ['0', 'at once'],
    ['1', 'when the time to come back is over'],
  ])('with --resume %s an owner that is killed in the middle resets the local connection %s', async (seconds) => {
    const { server, next } = await startQueueServer();
    const { process: owner, address } = await world.expose(server.port, ['--service', `killed${seconds}`]);
    const { process: dialer, port } = await world.connect(address, ['--resume', seconds]);
    const [socket, peer] = await Promise.all([connectTo({ port }), next()]);
    const end = streamEnd(socket);
    const first = new Promise((resolve) => socket.once('data', resolve));
    peer.write('half');
    await first;
    await owner.kill();
    expect(await end).toBe('reset');
    expect(await dialer.waitFor('stream', ({ state }) => state === 'reset')).toMatchObject({
      code: 'ERR_E2EE_TRUNCATED',
    });
    expect(dialer.events.some(({ state }) => state === 'interrupted')).toBe(seconds !== '0');
    await dialer.kill();
    await server.close();
  });

  it('on unix sockets the event says that the reset could not be passed on', async () => {
    const { server, next } = await startQueueServer();
    const path = world.dialer.file('cut.sock');
    const { process: owner, address } = await world.expose(server.port, ['--service', 'unixcut']);
    const { process: dialer } = await world.connect(address, ['--listen', `unix:${path}`]);
    const [socket, peer] = await Promise.all([connectTo({ path }), next()]);
    const first = new Promise((resolve) => socket.once('data', resolve));
    peer.write('half');
    await first;
    peer.resetAndDestroy();
    const event = await dialer.waitFor('stream', ({ state }) => state === 'reset');
    expect(event).toMatchObject({ resetDelivered: false });
    socket.destroy();
    for (const process of [owner, dialer]) await process.kill();
    await server.close();
  });
});

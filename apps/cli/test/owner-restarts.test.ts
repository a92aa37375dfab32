import type { Socket } from 'node:net';
import { connectTo, exchange, startEchoServer, stopAllProcesses, streamEnd, type TestServer } from '@sealane/testkit';
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

/** A local connection whose stream has been to the echo server and back. */
async function openStream(port: number): Promise<Socket> {
  const socket = await connectTo({ port });
  socket.write('x');
  await new Promise((resolve) => socket.once('data', resolve));
  return socket;
}

// Far above what is measured, far below the minute that a session waits for its peer.
const soonMs = 15_000;

describe('an owner that is killed and started again with the same identity', () => {
  it('serves new local connections soon, and those of the dead process are reset', async () => {
    const { process: owner, address } = await world.expose(echo.port);
    const { process: dialer, port } = await world.connect(address);
    const old = [await openStream(port), await openStream(port)].map((socket) => streamEnd(socket));
    await owner.kill();
    await dialer.waitFor('session', ({ state }) => state === 'interrupted');
    await world.expose(echo.port);
    const readyMs = performance.now();
    expect(await exchange({ port }, [Buffer.from('hello')])).toMatchObject({ bytes: 5, end: 'fin' });
    const newMs = performance.now() - readyMs;
    expect(await Promise.all(old)).toEqual(['reset', 'reset']);
    const oldMs = performance.now() - readyMs;
    expect([newMs, oldMs].map((ms) => ms < soonMs)).toEqual([true, true]);
    expect(await dialer.waitFor('stream', ({ state }) => state === 'reset')).toMatchObject({
      code: 'ERR_E2EE_TRUNCATED',
    });
    expect(dialer.hasExited).toBe(false);
  });

  it('resets the old connections even when nobody opens a new one', async () => {
    const { process: owner, address } = await world.expose(echo.port);
    const { process: dialer, port } = await world.connect(address);
    const old = streamEnd(await openStream(port));
    await owner.kill();
    await dialer.waitFor('session', ({ state }) => state === 'interrupted');
    await world.expose(echo.port);
    const readyMs = performance.now();
    expect(await old).toBe('reset');
    expect(performance.now() - readyMs).toBeLessThan(soonMs);
    expect(await exchange({ port }, [Buffer.from('hello')])).toMatchObject({ bytes: 5, end: 'fin' });
  });

  it('is not mistaken for another one: an owner that only lost its link keeps every connection', async () => {
    const { process: owner, address } = await world.expose(echo.port);
    const { process: dialer, port } = await world.connect(address);
    const socket = await openStream(port);
    for (let round = 0; round < 2; round += 1) {
      await world.killRelay();
      await world.restartRelay();
      socket.write(`${round}`);
      expect(await new Promise((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())))).toBe(
        `${round}`,
      );
    }
    for (const process of [owner, dialer]) {
      expect(process.events).not.toContainEqual(expect.objectContaining({ event: 'session', state: 'closed' }));
    }
    socket.destroy();
  });
});

import { connectTo, isLongRun, startProcess, stopAllProcesses } from '@sealane/testkit';
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

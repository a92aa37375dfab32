import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { VirtualClock } from '@sealane/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { drainAndDestroy } from './drain-and-destroy.js';

/** Both ends of a TCP connection. */
async function pair(): Promise<{ client: Socket; server: Socket }> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  const client = connect((listener.address() as { port: number }).port, '127.0.0.1');
  const [server] = await accepted;
  client.on('error', () => client.destroy());
  server.on('error', () => server.destroy());
  onTestFinished(() => {
    client.destroy();
    server.destroy();
    listener.close();
  });
  return { client, server };
}

it('reads 1 MiB of a flood and no more, and ends the socket after 2 s', async () => {
  const clock = new VirtualClock();
  const { client, server } = await pair();
  server.write('the answer');
  drainAndDestroy(server, clock);
  let answer = '';
  client.on('data', (chunk) => {
    answer += String(chunk);
  });
  client.write(new Uint8Array(32 << 20));
  await expect.poll(() => server.bytesRead).toBeGreaterThan(1 << 20);
  await expect.poll(() => answer).toBe('the answer');
  // One more read may be on its way when it stops.
  expect(server.bytesRead).toBeLessThanOrEqual((1 << 20) + (128 << 10));
  expect(server.isPaused()).toBe(true);
  await clock.advanceAsync(1_999);
  expect([server.destroyed, client.destroyed]).toEqual([false, false]);
  const closed = new Promise((resolve) => client.once('close', resolve));
  await clock.advanceAsync(1);
  expect(server.destroyed).toBe(true);
  await closed;
  expect(clock.pending).toBe(0);
});

it('ends the socket as soon as the peer has ended', async () => {
  const clock = new VirtualClock();
  const { client, server } = await pair();
  drainAndDestroy(server, clock);
  client.end(new Uint8Array(300_000));
  await once(server, 'close');
  expect([server.bytesRead, clock.pending]).toEqual([300_000, 0]);
});

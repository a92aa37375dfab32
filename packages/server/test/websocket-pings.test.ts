import { expect, test } from 'vitest';
import { ClientSocket, listenRelay } from './relay-on-socket.js';

const PINGS = 60_000;

test('pings of the WebSocket are answered, but no answers queue for a client that does not read them', async () => {
  const relay = await listenRelay();
  const client = await relay.connect();
  if (!(client.link instanceof ClientSocket)) throw new Error('no socket');
  const { webSocket } = client.link;
  let pongs = 0;
  webSocket.on('pong', () => {
    pongs += 1;
  });
  webSocket.ping('one');
  await expect.poll(() => pongs).toBe(1);
  webSocket.pause();
  for (let ping = 1; ping < PINGS; ping++) webSocket.ping(Buffer.alloc(125));
  await new Promise<void>((resolve) => webSocket.ping('last', true, () => resolve()));
  // The relay has taken nearly all of them by now: what it would have queued comes when the client reads again.
  webSocket.resume();
  const closed = new Promise((resolve) => webSocket.once('close', resolve));
  webSocket.close();
  await closed;
  expect(pongs).toBeGreaterThan(1);
  expect(pongs).toBeLessThan(PINGS);
});

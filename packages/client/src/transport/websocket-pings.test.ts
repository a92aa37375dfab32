import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { openWebSocket } from './websocket-node.js';

const PINGS = 60_000;

it('answers pings of the WebSocket, but queues no answers for a relay that does not read them', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const connected = once(server, 'connection');
  const { port } = server.address() as AddressInfo;
  const link = await openWebSocket(`ws://127.0.0.1:${port}`, {
    subprotocol: 'sealane.1',
    maxMessageBytes: 1_000,
    proxy: false,
  });
  const arrived = new Promise<void>((resolve) => {
    link.start({ onMessage: () => resolve(), onDrain: () => undefined, onEnd: () => undefined });
  });
  const [relay] = (await connected) as [WebSocket];
  let pongs = 0;
  relay.on('pong', () => {
    pongs += 1;
  });
  relay.ping('one');
  await expect.poll(() => pongs).toBe(1);
  relay.pause();
  for (let ping = 0; ping < PINGS; ping++) relay.ping(Buffer.alloc(125));
  relay.send(Buffer.of(1));
  await arrived;
  relay.resume();
  relay.ping('last');
  await expect.poll(() => pongs, { interval: 50 }).toBeGreaterThan(1);
  const ended = once(relay, 'close');
  link.close();
  await ended;
  expect(pongs).toBeLessThan(PINGS);
  server.close();
});

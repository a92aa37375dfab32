import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MemoryBudget } from '@sealane/mux';
import { expect, it, onTestFinished } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { SocketMemory } from '../src/socket-memory.js';
import { WebSocketLink } from '../src/websocket-link.js';

it('asks for more when its queue falls below the mark of now, also after that has changed', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  onTestFinished(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [webSocket, request] = (await once(server, 'connection')) as [WebSocket, IncomingMessage];
  await once(client, 'open');
  client.pause();

  let lowMark = 131_072;
  const memory = new SocketMemory(1 << 30, new MemoryBudget(1 << 30));
  const link = new WebSocketLink(webSocket, request.socket, {
    lowMarkBytes: () => lowMark,
    memory,
    onRefused: () => undefined,
  });
  const drainedAt: number[] = [];
  link.start({
    onMessage: () => undefined,
    onDrain: () => drainedAt.push(link.queuedBytes),
    onEnd: () => undefined,
  });
  // More than the kernel takes for a client that does not read.
  while (link.queuedBytes < 2_000_000) {
    for (let i = 0; i < 256; i++) link.send(new Uint8Array(8_192));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  lowMark = 32_768;
  drainedAt.length = 0;
  client.resume();
  await expect.poll(() => link.queuedBytes, { timeout: 20_000 }).toBe(0);
  expect(drainedAt.map((bytes) => bytes < 32_768)).toEqual([true]);
});

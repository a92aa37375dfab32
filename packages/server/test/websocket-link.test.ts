import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { MemoryBudget } from '@sealane/mux';
import { webSocketSettings } from '@sealane/mux/node';
import { ProtocolSize } from '@sealane/types';
import { expect, it, onTestFinished } from 'vitest';
import WebSocket from 'ws';
import { SocketMemory } from '../src/socket-memory.js';
import { WebSocketLink } from '../src/websocket-link.js';

it('asks for more when its queue falls below the mark of now, also after that has changed', async () => {
  const server = http.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [request, socket, head] = (await once(server, 'upgrade')) as [IncomingMessage, Socket, Buffer];
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  const answer = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  socket.write(`${answer.join('\r\n')}\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  await once(client, 'open');
  client.pause();

  let lowMark = 131_072;
  const memory = new SocketMemory(1 << 30, new MemoryBudget(1 << 30));
  const link = new WebSocketLink(socket, head, {
    settings: webSocketSettings({
      mask: 'none',
      maxMessageBytes: ProtocolSize.MESSAGE,
      closeWaitMs: 1_000,
      lowMarkBytes: () => lowMark,
    }),
    memory,
    onRefused: () => undefined,
    onOver: () => undefined,
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

import net from 'node:net';
import { expect, test } from 'vitest';
import type { SecureStream } from '../session/secure-stream.js';
import type { StreamPort, StreamSink } from '../session/stream-port.js';
import { type PipeSocketResult, pipeSocket, pipeSocketOptions } from './pipe-socket.js';

/** A local program that has sent bulk, or many small messages, and whose other side has ended already. */
async function startAfterEnd(before: 'bulk' | 'small messages' = 'bulk') {
  const server = net.createServer(pipeSocketOptions);
  const accepting = new Promise<net.Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: number } = server.address() as net.AddressInfo;
  const peer = net.connect({ port: number, host: '127.0.0.1', allowHalfOpen: true });
  peer.on('error', () => undefined);
  const peerEnded = new Promise((resolve) => peer.once('end', resolve));
  peer.resume();
  let sink: StreamSink | undefined;
  const seen = { bytes: 0, largest: 0, ended: false, reset: false };
  const port = {
    queuedBytes: 0,
    attach: (attached: StreamSink) => {
      sink = attached;
    },
    write: (chunk: Uint8Array) => {
      seen.bytes += chunk.length;
      seen.largest = Math.max(seen.largest, chunk.length);
    },
    end: () => {
      seen.ended = true;
      sink?.onEndAcknowledged?.();
    },
    reset: () => {
      seen.reset = true;
    },
    consume: () => undefined,
  };
  const stream = { raw: port as unknown as StreamPort } as SecureStream;
  const socket = await accepting;
  const result = new Promise<PipeSocketResult>((resolve) => pipeSocket(stream, socket, { onEnd: resolve }));
  let sent = 0;
  const send = async (bytes: number): Promise<void> => {
    peer.write(Buffer.alloc(bytes, 7));
    sent += bytes;
    while (seen.bytes < sent) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  if (before === 'bulk') while (seen.largest <= 65_536) await send(1_048_576);
  else for (let count = 0; count < 40; count++) await send(50);
  sink?.onData(new Uint8Array(0), true);
  await peerEnded;
  return { peer, seen, send, result, close: () => server.close() };
}

test.each(['bulk', 'small messages'] as const)(
  'after %s and our own end, more still comes, and its end is an end',
  async (before) => {
    const { peer, seen, send, result, close } = await startAfterEnd(before);
    await send(3_000_000);
    peer.end();
    expect(await result).toMatchObject({ error: undefined, endedBy: 'both', bytesSent: seen.bytes });
    expect(seen.ended).toBe(true);
    close();
  },
);

test.each([
  ['bulk', 50_000],
  ['small messages', 50],
  ['small messages', 50_000],
] as const)('after %s and our own end, a reset that comes with the last data is no end', async (before, least) => {
  for (let round = 0; round < 5; round++) {
    const { peer, seen, result, close } = await startAfterEnd(before);
    peer.write(Buffer.alloc(least * (1 + round), 7), () => peer.resetAndDestroy());
    expect(await result).toMatchObject({ error: { code: 'ERR_STREAM_RESET' }, endedBy: 'socket' });
    expect(seen).toMatchObject({ ended: false, reset: true });
    close();
  }
});

import net from 'node:net';
import { SealaneError } from '@sealane/types';
import { expect, test } from 'vitest';
import type { SecureStream } from '../session/secure-stream.js';
import type { StreamPort, StreamSink } from '../session/stream-port.js';
import { pipeSocket, pipeSocketOptions } from './pipe-socket.js';

/** A stream that the test plays by hand. */
function createStream(): { stream: SecureStream; sink: () => StreamSink } {
  let attached: StreamSink | undefined;
  const port = {
    queuedBytes: 0,
    attach: (sink: StreamSink) => {
      attached = sink;
    },
    write: () => undefined,
    end: () => undefined,
    reset: () => undefined,
    consume: () => undefined,
  };
  return {
    stream: { raw: port as unknown as StreamPort } as SecureStream,
    sink: () => {
      if (attached === undefined) throw new Error('nothing attached');
      return attached;
    },
  };
}

test('a stream that breaks right after its end still closes the socket, and says so', async () => {
  const server = net.createServer(pipeSocketOptions);
  const accepted = new Promise<net.Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  const peer = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  peer.resume();
  const peerClosed = new Promise<void>((resolve) => {
    peer.on('error', () => peer.destroy());
    peer.on('close', () => resolve());
  });
  const socket = await accepted;
  const { stream, sink } = createStream();
  const reported = new Promise((resolve) => pipeSocket(stream, socket, { onEnd: resolve }));
  sink().onData(new Uint8Array(0), true);
  sink().onReset(new SealaneError('ERR_E2EE_TRUNCATED'));
  expect(await reported).toMatchObject({ endedBy: 'stream', error: { code: 'ERR_E2EE_TRUNCATED' } });
  // Behind an end nobody reads on: only a write finds out that the other side is gone.
  peer.write('still there?', () => peer.write('no'));
  await peerClosed;
  server.close();
});

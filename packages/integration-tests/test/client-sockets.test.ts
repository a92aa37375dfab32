import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { allowAny, type RelayClient } from '@sealane/client';
import { type PipeSocketResult, pipeSocket, toDuplex } from '@sealane/client/node';
import { collect, connectTo, seededRandom, startEchoServer, startServer, type Target } from '@sealane/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { ClientStack, type StackRelay } from './support/client-stack.js';

const random = seededRandom(7);
let stack = new ClientStack();

afterEach(async () => {
  await stack.close();
  stack = new ClientStack();
});

/** A path that is gone for good is told of after a second instead of a minute. */
const soon = { resumption: { giveUpMs: 1_000 } };

interface Tunnel {
  readonly relay: StackRelay;
  readonly local: Target;
  readonly nearResults: PipeSocketResult[];
  readonly farResults: PipeSocketResult[];
}

/** Local socket -> dialer -> relay -> owner -> `backend`, all real sockets. */
async function tunnelTo(backend: Target, localPath?: string): Promise<Tunnel> {
  const relay = await stack.relay();
  const owner = await stack.client(relay.url, { use: 'listen', ...soon });
  const listener = await owner.listen({ accept: allowAny() });
  const nearResults: PipeSocketResult[] = [];
  const farResults: PipeSocketResult[] = [];
  serve(listener, backend, farResults).catch(() => undefined);
  const dialer: RelayClient = await stack.client(relay.url, soon);
  const server = await startServer(
    (socket) => {
      socket.pause();
      dialer.openStream(listener.address).then(
        (stream) => {
          pipeSocket(stream, socket, { onEnd: (result) => nearResults.push(result) });
          socket.resume();
        },
        () => socket.destroy(),
      );
    },
    localPath === undefined ? {} : { path: localPath },
  );
  stack.onClose(() => server.close());
  return { relay, local: server.target, nearResults, farResults };
}

async function serve(
  listener: AsyncIterable<AsyncIterable<Parameters<typeof pipeSocket>[0]>>,
  backend: Target,
  results: PipeSocketResult[],
): Promise<void> {
  for await (const connection of listener) {
    (async () => {
      for await (const stream of connection) {
        const socket = net.connect({ ...backend, allowHalfOpen: true, noDelay: true } as net.NetConnectOpts);
        socket.once('connect', () => pipeSocket(stream, socket, { onEnd: (result) => results.push(result) }));
        socket.once('error', () => stream.abort());
      }
    })().catch(() => undefined);
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe('pipeSocket', () => {
  it('carries bytes both ways, ends included, for 64 connections at once', async () => {
    const backend = await startEchoServer();
    stack.onClose(() => backend.close());
    const tunnel = await tunnelTo(backend.target);
    const bytes = random(500_000);
    const echoes = await Promise.all(
      Array.from({ length: 64 }, async () => {
        const socket = await connectTo(tunnel.local);
        const received = collect(socket, undefined, { readsByCall: true });
        socket.end(bytes);
        return await received;
      }),
    );
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    for (const echo of echoes) expect(echo).toEqual({ bytes: 500_000, sha256, end: 'fin' });
    await until(() => tunnel.nearResults.length === 64 && tunnel.farResults.length === 64);
    expect(tunnel.nearResults.every((result) => result.error === undefined && result.endedBy === 'both')).toBe(true);
    expect(tunnel.nearResults[0]).toMatchObject({ bytesSent: 500_000, bytesReceived: 500_000 });
  });

  it('passes 200 resets of the local program on, right after data, and never as an end', async () => {
    const ends: string[] = [];
    const backend = await startServer((socket) => {
      // The answer makes the reset one of an open connection; unanswered ones are paced by the mux.
      socket.write('hello');
      socket.on('data', () => undefined);
      socket.once('end', () => ends.push('fin'));
      socket.once('close', (hadError) => ends.push(hadError ? 'reset' : 'closed'));
    });
    stack.onClose(() => backend.close());
    const tunnel = await tunnelTo(backend.target);
    for (let round = 0; round < 200; round++) {
      const socket = await connectTo(tunnel.local);
      socket.on('error', () => undefined);
      socket.write(random(1_000));
      await once(socket, 'data');
      socket.write(random(30_000));
      socket.resetAndDestroy();
      await until(() => tunnel.nearResults.length === round + 1);
    }
    expect(tunnel.nearResults.every((result) => result.endedBy === 'socket' && result.error !== undefined)).toBe(true);
    await until(() => tunnel.farResults.length === 200);
    expect(tunnel.farResults.every((result) => result.endedBy === 'stream')).toBe(true);
    await until(() => backend.sockets.size === 0);
    expect(ends.filter((end) => end === 'fin')).toEqual([]);
  });

  it('passes 200 resets of the backend on to the local program, right after data', async () => {
    const backend = await startServer((socket) => {
      socket.once('data', () => {
        socket.write(random(30_000));
        socket.resetAndDestroy();
      });
    });
    stack.onClose(() => backend.close());
    const tunnel = await tunnelTo(backend.target);
    let ends = 0;
    for (let round = 0; round < 200; round++) {
      const socket = await connectTo(tunnel.local);
      socket.on('data', () => undefined);
      socket.on('error', () => undefined);
      // As in the pipe itself: on Node 20 and 22 an end without a peer is a reset.
      socket.once('end', () => {
        if (socket.remoteAddress !== undefined) ends += 1;
      });
      socket.write('go');
      await once(socket, 'close').catch(() => undefined);
    }
    expect(ends).toBe(0);
    await until(() => tunnel.farResults.length === 200);
    expect(tunnel.farResults.every((result) => result.endedBy === 'socket')).toBe(true);
  });

  it('resets the local socket when the relay dies', async () => {
    const backend = await startEchoServer();
    stack.onClose(() => backend.close());
    const tunnel = await tunnelTo(backend.target);
    const socket = await connectTo(tunnel.local);
    socket.write('hello');
    await once(socket, 'data');
    const failed = once(socket, 'error');
    const closing = tunnel.relay.server.close();
    expect(await failed).toMatchObject([{ code: 'ECONNRESET' }]);
    await closing;
    await until(() => tunnel.nearResults.length === 1);
    expect(tunnel.nearResults[0]).toMatchObject({ endedBy: 'stream', error: { code: 'ERR_E2EE_TRUNCATED' } });
  });

  it('reports on a unix socket that no reset could be delivered', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sealane-'));
    stack.onClose(() => rm(directory, { recursive: true }));
    const backend = await startEchoServer();
    stack.onClose(() => backend.close());
    const tunnel = await tunnelTo(backend.target, join(directory, 'local'));
    const socket = await connectTo(tunnel.local);
    socket.on('error', () => undefined);
    socket.write('hello');
    await once(socket, 'data');
    await tunnel.relay.server.close();
    await until(() => tunnel.nearResults.length === 1);
    expect(tunnel.nearResults[0]).toMatchObject({ endedBy: 'stream', resetDelivered: false });
  });
});

describe('toDuplex', () => {
  it('is a Duplex with backpressure, half-close and an error for what has no end', async () => {
    const relay = await stack.relay();
    const { listener } = await stack.echoOwner(relay.url, {}, soon);
    const dialer = await stack.client(relay.url, soon);
    const duplex = toDuplex(await dialer.openStream(listener.address));
    const bytes = random(2_000_000);
    const received: Buffer[] = [];
    await Promise.all([
      pipeline(async function* () {
        for (let offset = 0; offset < bytes.length; offset += 50_000) yield bytes.slice(offset, offset + 50_000);
      }, duplex),
      (async () => {
        for await (const chunk of duplex) received.push(chunk);
      })(),
    ]);
    expect(Buffer.compare(Buffer.concat(received), bytes)).toBe(0);
    const broken = toDuplex(await dialer.openStream(listener.address));
    const failed = once(broken, 'error');
    broken.resume();
    await relay.server.close();
    const [error] = await failed;
    expect(error).toMatchObject({ code: 'ERR_E2EE_TRUNCATED' });
  });
});

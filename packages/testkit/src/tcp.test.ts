import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { seededChunks, seededSha256 } from './byte-source.js';
import { connectTo, startServer, streamEnd, writeAll } from './tcp.js';
import {
  collect,
  exchange,
  startEchoServer,
  startHalfCloseServer,
  startSink,
  startSource,
  startStalledServer,
} from './tcp-servers.js';

test('an exchange with the echo server returns what was sent', async () => {
  await using server = await startEchoServer();
  const received = await exchange(server.target, seededChunks(1, 1_000_000));
  expect(received).toEqual({ bytes: 1_000_000, sha256: seededSha256(1, 1_000_000), end: 'fin' });
});

test('a sink hashes what each socket sent', async () => {
  await using sink = await startSink();
  await exchange(sink.target, seededChunks(2, 300_000));
  expect(await sink.next()).toEqual({ bytes: 300_000, sha256: seededSha256(2, 300_000), end: 'fin' });
  expect(sink.accepted).toBe(1);
});

test('a sink tells a reset from an end', async () => {
  await using sink = await startSink();
  const socket = await connectTo(sink.target);
  await writeAll(socket, [new Uint8Array(10)]);
  socket.resetAndDestroy();
  expect((await sink.next()).end).toBe('reset');
});

test('a reset right after data is seen as one, every time', async () => {
  await using sink = await startSink();
  for (let index = 0; index < 50; index++) {
    const socket = await connectTo(sink.target);
    socket.write(new Uint8Array(1_000));
    socket.resetAndDestroy();
    expect((await sink.next()).end).toBe('reset');
  }
});

test('an exchange with a server that resets at once is a reset without bytes, every time', async () => {
  await using server = await startServer((socket) => socket.resetAndDestroy());
  for (let index = 0; index < 200; index++) {
    expect(await exchange(server.target, [])).toMatchObject({ bytes: 0, end: 'reset' });
  }
});

test('an end that answers our own FIN is told from a reset that does', async () => {
  for (const end of ['fin', 'reset'] as const) {
    await using server = await startServer((socket) => {
      socket.resume();
      socket.once('end', () => {
        socket.write(new Uint8Array(1_000));
        if (end === 'fin') socket.end();
        else socket.resetAndDestroy();
      });
    });
    for (let index = 0; index < 200; index++) expect((await exchange(server.target, [])).end).toBe(end);
  }
});

test('a source sends its bytes and a FIN', async () => {
  await using source = await startSource({ seed: 3, bytes: 500_000 });
  const received = await exchange(source.target, []);
  expect(received).toEqual({ bytes: 500_000, sha256: seededSha256(3, 500_000), end: 'fin' });
});

test('the half-close server answers only after the FIN, also on a unix socket', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sealane-testkit-'));
  try {
    await using server = await startHalfCloseServer({ path: join(directory, 'socket') });
    let answer = '';
    const received = await exchange(server.target, seededChunks(4, 70_000), {
      onData: (chunk) => {
        answer += Buffer.from(chunk).toString();
      },
    });
    expect(answer).toBe(`70000 ${seededSha256(4, 70_000)}\n`);
    expect(received.end).toBe('fin');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a stalled server takes only what the platform buffers', async () => {
  await using server = await startStalledServer();
  const socket = await connectTo(server.target);
  const chunk = new Uint8Array(1 << 20);
  let sent = 0;
  while (sent < 64 << 20 && socket.write(chunk)) sent += chunk.length;
  expect(sent).toBeLessThan(64 << 20);
  const ended = streamEnd(socket);
  socket.resume();
  await server.close();
  expect(await ended).toBe('reset');
});

test('collect reports a destroyed peer as a reset', async () => {
  await using server = await startStalledServer();
  const socket = await connectTo(server.target);
  const received = collect(socket);
  await expect.poll(() => server.sockets.size).toBe(1);
  for (const peer of server.sockets) peer.resetAndDestroy();
  expect((await received).end).toBe('reset');
});

import net from 'node:net';
import { expect, test, vi } from 'vitest';
import { FaultyWire, type FaultyWireOptions } from './faulty-wire.js';
import { seededRandom } from './seeded-random.js';
import { connectTo, startServer } from './tcp.js';
import { collect, startEchoServer } from './tcp-servers.js';
import { encodeWebSocketFrame, WebSocketFramer } from './websocket-framer.js';

const head = Buffer.from('GET / HTTP/1.1\r\nHost: test\r\n\r\n');

function frame(payload: Uint8Array): Uint8Array {
  return encodeWebSocketFrame({ fin: true, opcode: 2, mask: Uint8Array.of(1, 2, 3, 4), payload });
}

/** Sends a head and messages through a wire to an echo server and returns the messages that come back. */
async function echo(options: FaultyWireOptions, payloads: readonly Uint8Array[]): Promise<(readonly number[])[]> {
  await using server = await startEchoServer();
  await using wire = await FaultyWire.start(server.target, options);
  const socket = await connectTo({ port: wire.port });
  const framer = new WebSocketFramer();
  const seen: number[][] = [];
  const done = collect(socket, (chunk) => {
    for (const { payload } of framer.push(chunk).frames) seen.push([...payload]);
  });
  socket.end(Buffer.concat([head, ...payloads.map(frame)]));
  await done;
  return seen;
}

const one = Uint8Array.of(1);
const two = Uint8Array.of(2);
const three = Uint8Array.of(3);

test('frames of every length form survive any cut of the stream', () => {
  const random = seededRandom(1);
  const payloads = [0, 1, 125, 126, 65_535, 65_536, 200_000].map((length) => random(length));
  const bytes = Buffer.concat([head, ...payloads.map(frame)]);
  const framer = new WebSocketFramer();
  const seen: Uint8Array[] = [];
  let heads = 0;
  for (let offset = 0; offset < bytes.length; ) {
    const length = random.int(1, 9_000);
    const result = framer.push(bytes.subarray(offset, offset + length));
    if (result.head !== undefined) heads++;
    seen.push(...result.frames.map(({ payload }) => payload));
    offset += length;
  }
  expect(heads).toBe(1);
  expect(seen.map((payload) => Buffer.from(payload))).toEqual(payloads.map((payload) => Buffer.from(payload)));
});

test('without faults everything passes', async () => {
  expect(await echo({}, [one, two])).toEqual([[1], [2]]);
  expect(await echo({ onMessage: () => 'pass' }, [one, two])).toEqual([[1], [2]]);
});

test('messages are repeated, dropped, replaced and swapped', async () => {
  expect(
    await echo({ onMessage: ({ direction, index }) => (direction === 'up' && index === 0 ? 'repeat' : 'pass') }, [one]),
  ).toEqual([[1], [1]]);
  expect(
    await echo({ onMessage: ({ direction, index }) => (direction === 'up' && index === 0 ? 'drop' : 'pass') }, [
      one,
      two,
    ]),
  ).toEqual([[2]]);
  expect(
    await echo({ onMessage: ({ direction }) => (direction === 'down' ? { replace: three } : 'pass') }, [one]),
  ).toEqual([[3]]);
  expect(
    await echo({ onMessage: ({ direction, index }) => (direction === 'up' && index === 0 ? 'hold' : 'pass') }, [
      one,
      two,
      three,
    ]),
  ).toEqual([[2], [1], [3]]);
});

test('a delay keeps the order', async () => {
  expect(
    await echo(
      { onMessage: ({ direction, index }) => (direction === 'up' && index === 0 ? { delayMs: 20 } : 'pass') },
      [one, two],
    ),
  ).toEqual([[1], [2]]);
});

test('cut resets both sides', async () => {
  expect(await echo({ onMessage: ({ direction }) => (direction === 'up' ? 'cut' : 'pass') }, [one])).toEqual([]);
});

test('bytes are changed below the WebSocket', async () => {
  const flipped = await echo(
    {
      onBytes: ({ direction, bytes }) => {
        if (direction === 'up') bytes[bytes.length - 1]! ^= 0x80;
        return bytes;
      },
    },
    [one],
  );
  expect(flipped).toEqual([[0x81]]);
});

test('a stalled wire carries nothing until it is released, and a refusing one takes no connection', async () => {
  await using server = await startEchoServer();
  await using wire = await FaultyWire.start(server.target);
  wire.stall(true);
  const socket = await connectTo({ port: wire.port });
  const received = collect(socket);
  socket.end(head);
  await expect.poll(() => wire.connections).toBe(1);
  expect(wire.carriedBytes.up).toBe(0);
  wire.stall(false);
  expect((await received).bytes).toBe(head.length);
  wire.refuse(true);
  const refused = net.connect(wire.port, '127.0.0.1');
  expect((await collect(refused)).end).toBe('reset');
});

test('a wire that closes right after an end leaves no connection open', async () => {
  const closed: Promise<void>[] = [];
  await using server = await startServer((socket) => {
    closed.push(new Promise((resolve) => socket.once('close', () => resolve())));
    socket.resume();
    // Behind an end nobody reads on: only a write finds out that the other side is gone.
    const writing = setInterval(() => socket.write('still there?'), 5);
    socket.once('close', () => clearInterval(writing));
  });
  const wire = await FaultyWire.start(server.target);
  const socket = await connectTo({ port: wire.port });
  socket.on('error', () => socket.destroy());
  socket.resume();
  socket.write(head);
  await expect.poll(() => server.accepted).toBe(1);
  const { end } = net.Socket.prototype;
  // In the turn in which the wire passes the end on, the shutdown of its other side is on its way.
  const passesOn = vi.spyOn(net.Socket.prototype, 'end').mockImplementation(function (this: net.Socket) {
    if (this !== socket) process.nextTick(() => process.nextTick(() => wire.cutAll()));
    return Reflect.apply(end, this, []) as net.Socket;
  });
  socket.end();
  await expect.poll(() => passesOn.mock.calls.length).toBeGreaterThan(1);
  passesOn.mockRestore();
  await wire.close();
  await Promise.all(closed);
});

import net from 'node:net';
import {
  exchange,
  seededChunks,
  seededRandom,
  seededSha256,
  startEchoServer,
  stopAllProcesses,
} from '@sealane/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { ThreeProcesses } from './three-processes.js';

/** The bound that docs/limits.md states for the process: its budget, and Node itself. */
const memoryLimitBytes = 256 << 20;

let backend: Awaited<ReturnType<typeof startEchoServer>>;
let three: ThreeProcesses;

beforeAll(async () => {
  backend = await startEchoServer();
  three = await ThreeProcesses.start(`127.0.0.1:${backend.port}`);
});

afterAll(async () => {
  await stopAllProcesses();
  await backend.close();
});

/** The relay still serves others, is the same process, and stayed within its memory. */
async function expectServing(): Promise<void> {
  const received = await exchange(three.target, seededChunks(5, 500_000));
  expect(received).toEqual({ bytes: 500_000, sha256: seededSha256(5, 500_000), end: 'fin' });
  expect(three.relay.hasExited).toBe(false);
  expect(three.relay.peakMemoryBytes()).toBeLessThan(memoryLimitBytes);
}

interface Answer {
  readonly messages: readonly Buffer[];
  readonly closeCode: number;
}

/** Opens a link, waits for HELLO, sends the messages and reports what came until the relay closed. */
function attack(messages: readonly Uint8Array[]): Promise<Answer> {
  const socket = new WebSocket(`ws://127.0.0.1:${three.relayPort}`, 'sealane.1', { perMessageDeflate: false });
  const seen: Buffer[] = [];
  return new Promise((resolve) => {
    socket.on('error', () => {});
    socket.once('message', () => {
      for (const message of messages) socket.send(message);
    });
    socket.on('message', (message: Buffer) => seen.push(message));
    socket.once('close', (closeCode) => resolve({ messages: seen, closeCode }));
  });
}

/** A raw TCP client that writes and then waits for the relay to end it. */
function raw(bytes: Uint8Array | string): Promise<void> {
  const socket = net.connect(three.relayPort, '127.0.0.1');
  socket.on('error', () => socket.destroy());
  socket.resume();
  socket.end(bytes);
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

function frame(type: number, flags: number, stream: number, length: number, body: Uint8Array): Uint8Array {
  const header = Buffer.alloc(9);
  header[0] = type;
  header[1] = flags;
  header.writeUInt32BE(stream, 2);
  header.writeUIntBE(length, 6, 3);
  return Buffer.concat([header, body]);
}

const message = (kind: number, body: Uint8Array): Uint8Array =>
  frame(6, 0, 0, body.length + 1, Buffer.concat([Buffer.of(kind), body]));

const hostile: readonly (readonly [string, Uint8Array])[] = [
  ['an empty message', new Uint8Array(0)],
  ['one byte', Uint8Array.of(0)],
  ['a frame of length 0 for DATA', frame(0, 0, 1, 0, new Uint8Array(0))],
  ['a length beyond the message', frame(0, 0, 1, 0xff_ffff, new Uint8Array(10))],
  ['the highest stream number', frame(0, 1, 0xffff_ffff, 4, new Uint8Array(4))],
  ['an unknown frame type', frame(63, 0, 0, 0, new Uint8Array(0))],
  ['an unknown flag', frame(0, 0x80, 1, 1, new Uint8Array(1))],
  ['an AUTH without fields', message(2, Buffer.of(0x90))],
  ['an AUTH that is a map', message(2, Buffer.of(0x80))],
  ['an array that claims 2^32 - 1 fields', message(2, Buffer.of(0xdd, 0xff, 0xff, 0xff, 0xff))],
  ['a map that claims 2^32 - 1 fields', message(2, Buffer.of(0xdf, 0xff, 0xff, 0xff, 0xff))],
  ['a string that claims 2^32 - 1 bytes', message(2, Buffer.of(0xdb, 0xff, 0xff, 0xff, 0xff))],
  ['arrays in arrays, 2,000 deep', message(2, Buffer.alloc(2_000, 0x91))],
  ['a message before AUTH that needs it', message(5, Buffer.of(0x90))],
  ['an unknown kind', message(200, Buffer.of(0xc0))],
  ['a message over the size before AUTH', message(2, Buffer.alloc(5_000))],
];

test.each(hostile)('%s is refused with a code, and others are served', async (_, bytes) => {
  const { messages, closeCode } = await attack([bytes]);
  // HELLO, then the ERROR that says why, and the close code of a policy: never a silent end.
  expect([closeCode, messages.length]).toEqual([1008, 2]);
  await expectServing();
});

test.each([100_000, 1_000_000, 8_000_000, 64_000_000])(
  'a message of %i bytes before AUTH ends its link with ERROR and 1008, which no reset overtakes',
  async (bytes) => {
    const answers = await Promise.all(Array.from({ length: 4 }, () => attack([new Uint8Array(bytes)])));
    // HELLO, then the ERROR that says why.
    for (const { messages, closeCode } of answers) expect([closeCode, messages.length]).toEqual([1008, 2]);
    await expectServing();
  },
);

test('600 random and cut messages end their links and nothing else', async () => {
  const random = seededRandom(9);
  for (let round = 0; round < 30; round++) {
    const codes = await Promise.all(
      Array.from({ length: 20 }, () => {
        const kind = random.int(0, 2);
        const body = random(random.int(0, 4_000));
        if (kind === 0) return attack([body]);
        if (kind === 1) return attack([message(random.int(0, 20), body)]);
        return attack([frame(random.int(0, 6), random.int(0, 3), random.int(0, 9), random.int(0, 4_000), body)]);
      }),
    );
    expect(codes).toHaveLength(20);
  }
  await expectServing();
});

test('bytes that are no HTTP, and requests that are no upgrade, are answered or dropped', async () => {
  const random = seededRandom(10);
  await Promise.all([
    raw(random(10_000)),
    raw(new Uint8Array(100_000)),
    raw('GET / HTTP/1.1\r\n\r\n'),
    raw('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
    raw(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(100_000)}\r\n\r\n`),
    raw('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nx'),
    raw(Uint8Array.of(0x16, 0x03, 0x01, 0xff, 0xff, 0x01)),
  ]);
  await expectServing();
});

test('400 sockets that stop halfway are bounded and take nobody the relay', async () => {
  const halves = ['', 'GET / HT', 'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: web'];
  const sockets = Array.from({ length: 400 }, (_, index) => {
    const socket = net.connect(three.relayPort, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    socket.resume();
    socket.write(halves[index % halves.length]!);
    return socket;
  });
  await expectServing();
  // Those that sent a part of a head are dropped at the time limit for headers.
  await expect.poll(() => sockets.filter((socket) => socket.closed).length, { timeout: 60_000 }).toBeGreaterThan(100);
  for (const socket of sockets) socket.destroy();
  await expectServing();
});

test('300 links that never authenticate are closed in time', async () => {
  const closed = await Promise.all(Array.from({ length: 300 }, () => attack([])));
  expect(closed).toHaveLength(300);
  await expectServing();
});

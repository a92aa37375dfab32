import { createHash } from 'node:crypto';
import net from 'node:net';
import { LargeReads } from '@sealane/mux/node';
import { afterEach, describe, expect, test } from 'vitest';

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A socket that another program connected to us, and that program. */
async function connected(): Promise<{ accepted: net.Socket; peer: net.Socket }> {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepting = new Promise<net.Socket>((resolve) => server.once('connection', resolve));
  const peer = net.connect({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1' });
  const accepted = await accepting;
  for (const socket of [accepted, peer]) socket.on('error', () => undefined);
  closing.push(() => {
    accepted.destroy();
    peer.destroy();
    server.close();
  });
  return { accepted, peer };
}

interface Reading {
  readonly reads: LargeReads;
  readonly chunks: Uint8Array[];
  bytes: number;
  largest: number;
}

function read(socket: net.Socket): Reading {
  const take = (chunk: Uint8Array): true => {
    reading.chunks.push(chunk);
    reading.bytes += chunk.length;
    reading.largest = Math.max(reading.largest, chunk.length);
    return true;
  };
  const reads = new LargeReads(socket, take);
  const reading: Reading = { reads, chunks: [], bytes: 0, largest: 0 };
  socket.on('data', (chunk) => {
    reads.sawRead(chunk.length);
    take(chunk);
  });
  socket.resume();
  return reading;
}

/** Bytes of which no two stretches are alike. */
function pattern(length: number, first: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at + 4 <= length; at += 4)
    bytes.writeUInt32LE((Math.imul(first + at, 2_654_435_761) ^ at) >>> 0, at);
  return bytes;
}

const digest = (chunks: readonly Uint8Array[]): string => {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
};

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
};

/** Bulk until the socket is one of those with large memory. */
async function makeHot(reading: Reading, peer: net.Socket): Promise<Buffer[]> {
  const sent: Buffer[] = [];
  for (let sentBytes = 0; !reading.reads.isOn; sentBytes += 1_048_576) {
    const block = pattern(1_048_576, sentBytes);
    sent.push(block);
    peer.write(block);
    await until(() => reading.bytes >= sentBytes + block.length);
  }
  return sent;
}

describe('a socket that carries bulk', () => {
  test('is read in large pieces, every byte once and in order, and what was given out is never written to again', async () => {
    const { accepted, peer } = await connected();
    const reading = read(accepted);
    const ended = new Promise((resolve) => accepted.once('end', resolve));
    const sent = await makeHot(reading, peer);
    // Small ones between large ones: the memory becomes small, and large again.
    for (let round = 0; round < 12; round++) {
      const block = pattern(round % 3 === 0 ? 3_145_728 : 40 + round * 1_000, round);
      sent.push(block);
      peer.write(block);
      if (round % 3 !== 0) await until(() => reading.bytes === sent.reduce((sum, { length }) => sum + length, 0));
    }
    peer.end();
    await ended;
    expect(reading.largest).toBeGreaterThan(65_536);
    expect(digest(reading.chunks)).toBe(digest(sent));
  });

  test('brings nothing while it is paused, and all of it afterwards', async () => {
    const { accepted, peer } = await connected();
    const reading = read(accepted);
    const sent = await makeHot(reading, peer);
    accepted.pause();
    const before = reading.bytes;
    const block = pattern(2_097_152, 7);
    peer.write(block);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(reading.bytes).toBe(before);
    accepted.resume();
    await until(() => reading.bytes === before + block.length);
    expect(digest(reading.chunks)).toBe(digest([...sent, block]));
  });

  test('that is reset says so', async () => {
    const { accepted, peer } = await connected();
    const reading = read(accepted);
    await makeHot(reading, peer);
    const failed = new Promise<NodeJS.ErrnoException>((resolve) => accepted.once('error', resolve));
    peer.resetAndDestroy();
    expect((await failed).code).toBe('ECONNRESET');
  });

  test('gives its memory to another one once it is quiet, and loses no byte by that', async () => {
    const pairs = [];
    for (let index = 0; index < 66; index++) {
      const { accepted, peer } = await connected();
      const reading = read(accepted);
      const sent = await makeHot(reading, peer);
      pairs.push({ peer, reading, sent });
      // Those before this one are quiet for longer than a second when the last ones come.
      if (index === 63) await new Promise((resolve) => setTimeout(resolve, 1_100));
    }
    for (const { peer, sent } of pairs) {
      const block = pattern(500_000, sent.length);
      sent.push(block);
      peer.write(block);
    }
    for (const { reading, sent } of pairs) {
      await until(() => reading.bytes === sent.reduce((sum, { length }) => sum + length, 0));
      expect(digest(reading.chunks)).toBe(digest(sent));
    }
  });
});

/** Small messages until the socket is read past Node's streams. */
async function makeBusy(reading: Reading, peer: net.Socket): Promise<Buffer[]> {
  const sent: Buffer[] = [];
  while (sent.length < 40) {
    const message = pattern(68, sent.length);
    sent.push(message);
    peer.write(message);
    await until(() => reading.bytes === sent.length * message.length);
  }
  return sent;
}

describe('a socket that carries little, but often', () => {
  test.skipIf(process.platform === 'win32')(
    'shares the memory that it is read into, and nobody sees bytes of another one or later ones',
    async () => {
      const pairs: { peer: net.Socket; reading: Reading; sent: Buffer[] }[] = [];
      for (let index = 0; index < 4; index++) {
        const { accepted, peer } = await connected();
        const reading = read(accepted);
        pairs.push({ peer, reading, sent: await makeBusy(reading, peer) });
        expect(reading.reads.isOn).toBe(true);
      }
      // One of them sends bulk now and then.
      for (let round = 0; round < 30; round++) {
        for (const [index, { peer, sent }] of pairs.entries()) {
          const block = pattern(
            round % 10 === 9 && index === 1 ? 1_000_000 : 4 + ((round * 397) % 9_000),
            round * index,
          );
          sent.push(block);
          peer.write(block);
        }
        if (round % 3 !== 0) continue;
        for (const { reading, sent } of pairs) {
          await until(() => reading.bytes === sent.reduce((sum, { length }) => sum + length, 0));
        }
      }
      for (const { reading, sent, peer } of pairs) {
        await until(() => reading.bytes === sent.reduce((sum, { length }) => sum + length, 0));
        expect(digest(reading.chunks)).toBe(digest(sent));
        peer.end();
      }
    },
  );

  test('pins no more memory with a chunk than the chunk has', async () => {
    const { accepted, peer } = await connected();
    const reading = read(accepted);
    await makeBusy(reading, peer);
    expect(reading.chunks.map(({ buffer }) => buffer.byteLength)).toEqual(reading.chunks.map(({ length }) => length));
  });

  test('is read as ever while others listen to it as well', async () => {
    const { accepted, peer } = await connected();
    const reading = read(accepted);
    let alsoSeen = 0;
    const also = (chunk: Uint8Array): void => {
      alsoSeen += chunk.length;
    };
    accepted.on('data', also);
    await makeBusy(reading, peer);
    expect(reading.reads.isOn).toBe(false);
    expect(alsoSeen).toBe(reading.bytes);
  });
});

test('a socket that carries little is read as ever', async () => {
  const { accepted, peer } = await connected();
  const reading = read(accepted);
  for (let round = 1; round <= 20; round++) {
    peer.write(pattern(4_000, round));
    await until(() => reading.bytes === round * 4_000);
  }
  expect(reading.reads.isOn).toBe(false);
});

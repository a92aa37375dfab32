import { once } from 'node:events';
import net from 'node:net';
import { Duplex } from 'node:stream';
import { PieceWriter } from '@sealane/mux/node';
import { afterEach, describe, expect, test } from 'vitest';

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Keeps what it is given, write by write. */
class Sink extends Duplex {
  readonly writes: Buffer[][] = [];

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes.push([chunk]);
    done();
  }

  override _writev(pieces: { chunk: Buffer }[], done: () => void): void {
    this.writes.push(pieces.map(({ chunk }) => chunk));
    done();
  }
}

function writerTo(sink: Duplex) {
  const left: number[] = [];
  const errors: (Error | null | undefined)[] = [];
  const writer = new PieceWriter(sink, (bytes, error) => {
    left.push(bytes);
    errors.push(error);
  });
  /** As a callback does that does not know what follows. */
  const write = (piece: Uint8Array, bytes: number): void => {
    writer.write(piece, bytes);
    writer.schedule();
  };
  return { writer, write, left, errors };
}

async function connected() {
  const server = net.createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = net.connect({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1' });
  const [[peer]] = (await Promise.all([once(server, 'connection'), once(socket, 'connect')])) as [
    [net.Socket],
    unknown,
  ];
  closing.push(
    () => server.close(),
    () => socket.destroy(),
    () => peer.destroy(),
  );
  return { socket, peer };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('PieceWriter', () => {
  test('makes one write of what one callback brings, by reference, and counts it once', async () => {
    const sink = new Sink();
    const { writer, write, left } = writerTo(sink);
    const [large, larger] = [Buffer.alloc(1_000, 1), Buffer.alloc(2_000, 2)];
    write(large, 10);
    write(larger, 20);
    expect(sink.writes).toEqual([]);
    expect(writer.pendingBytes).toBe(3_000);
    await turn();
    expect(sink.writes).toHaveLength(1);
    expect(sink.writes[0]![0]).toBe(large);
    expect(sink.writes[0]![1]).toBe(larger);
    expect(left).toEqual([30]);
    expect(writer.pendingBytes).toBe(0);
    write(large, 5);
    await turn();
    expect(sink.writes[1]).toEqual([large]);
    expect(left).toEqual([30, 5]);
  });

  test('joins small neighbours, and changes none of them', async () => {
    const sink = new Sink();
    const { write } = writerTo(sink);
    const pieces = ['a', 'bb', 'ccc'].map((text) => Buffer.from(text));
    for (const piece of pieces) write(piece, 0);
    await turn();
    expect(sink.writes.map((write) => write.map(String))).toEqual([['abbccc']]);
    expect(pieces.map(String)).toEqual(['a', 'bb', 'ccc']);
  });

  test('keeps the order over flushes in the middle of a callback', async () => {
    const { socket, peer } = await connected();
    const { writer, write, left } = writerTo(socket);
    let text = '';
    peer.setEncoding('latin1').on('data', (part) => {
      text += part;
    });
    let expected = '';
    for (let index = 0; index < 200; index += 1) {
      const piece = Buffer.alloc(1 + ((index * 397) % 1_500), 97 + (index % 26));
      expected += piece.toString('latin1');
      write(piece, piece.length);
      if (index % 7 === 0) writer.flush();
    }
    await turn();
    socket.end();
    await once(peer, 'end');
    expect(text).toBe(expected);
    expect(left.reduce((sum, bytes) => sum + bytes, 0)).toBe(expected.length);
  });

  test('small pieces that the kernel does not take wait in order, and are counted until it does', async () => {
    const { socket, peer } = await connected();
    peer.pause();
    const { writer, left } = writerTo(socket);
    const pieces: Buffer[] = [];
    const flush = (length: number): void => {
      const piece = Buffer.alloc(length, pieces.length);
      pieces.push(piece);
      writer.write(piece, length);
      writer.flush();
    };
    while (writer.pendingBytes === 0 && socket.writableLength === 0) flush(4_096);
    expect(writer.pendingBytes).toBe(4_096);
    expect(left).toHaveLength(pieces.length - 1);
    for (const length of [10, 2_000, 6_000, 30]) flush(length);
    expect(writer.pendingBytes).toBe(4_096);
    socket.end();
    const received: Buffer[] = [];
    peer.on('data', (part: Buffer) => received.push(part)).resume();
    await once(peer, 'end');
    expect(Buffer.concat(received).equals(Buffer.concat(pieces))).toBe(true);
    expect(left).toEqual(pieces.map(({ length }) => length));
    expect(writer.pendingBytes).toBe(0);
  });

  test('a small piece that the kernel refuses breaks the socket', async () => {
    const { socket, peer } = await connected();
    const { writer, errors } = writerTo(socket);
    const closed = new Promise((resolve) => socket.on('error', () => undefined).on('close', resolve));
    peer.resetAndDestroy();
    while (!socket.destroyed) {
      writer.write(Buffer.alloc(10), 10);
      writer.flush();
      await turn();
    }
    await closed;
    expect(errors.length).toBeGreaterThan(0);
    writer.write(Buffer.alloc(10), 10);
    writer.flush();
    await turn();
    expect(errors.at(-1)).toBeInstanceOf(Error);
  });

  test('writes what was added as soon as it is told to, once', async () => {
    const sink = new Sink();
    const { writer, left } = writerTo(sink);
    const piece = Buffer.alloc(1_000, 1);
    writer.write(piece, 3);
    writer.flush();
    expect(sink.writes).toEqual([[piece]]);
    await turn();
    expect(sink.writes).toHaveLength(1);
    expect(left).toEqual([3]);
  });

  test('says what will not leave any more', async () => {
    const sink = new Sink();
    const { write, left, errors } = writerTo(sink);
    write(Buffer.alloc(10), 10);
    sink.destroy();
    await turn();
    await turn();
    expect(left).toEqual([10]);
    expect(errors[0]).toBeInstanceOf(Error);
  });
});

import { describe, expect, test } from 'vitest';
import { createPair, exchange, joinBytes, type StreamEnd } from './pair.js';

interface DataFrame {
  readonly streamId: number;
  readonly length: number;
}

function dataFrames(message: Uint8Array): DataFrame[] {
  const frames: DataFrame[] = [];
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  for (let at = 0; at < message.length; ) {
    const length = (view.getUint16(at + 6) << 8) | view.getUint8(at + 8);
    if (view.getUint8(at) === 0) frames.push({ streamId: view.getUint32(at + 2), length });
    at += 9 + length;
  }
  return frames;
}

describe('turns', () => {
  test('one bulk stream and 100 interactive ones: each interactive one goes before the next bulk frame', () => {
    const pair = createPair({ receiveWindowBytes: 16_777_216, sendWindowBytes: 16_777_216 });
    const bulk = pair.a.open();
    const interactive = Array.from({ length: 100 }, () => pair.a.open());
    exchange(pair);
    for (let count = 0; count < 100; count += 1) bulk.port.write(new Uint8Array(65_536));
    // The link takes 64 KiB per millisecond; every 10 ms each interactive stream asks something.
    let bulkFrames = 0;
    for (let ms = 0; ms < 100; ms += 1) {
      if (ms % 10 === 0) for (const stream of interactive) stream.port.write(new Uint8Array(64));
      const batch = pair.a.mux.pull(66_560)!;
      const frames = dataFrames(joinBytes(batch.chunks));
      if (ms % 10 === 0) {
        expect(frames.slice(0, 100).every(({ length }) => length === 64)).toBe(true);
        expect(interactive.every((stream) => stream.port.queuedBytes === 0)).toBe(true);
      }
      bulkFrames += frames.filter(({ length }) => length > 64).length;
    }
    // What the interactive ones leave belongs to the bulk stream: it loses at most the batches they shared.
    expect(bulkFrames).toBeGreaterThanOrEqual(90);
  });

  test('streams with much to send get the same bytes, whatever their chunks', () => {
    const pair = createPair({ receiveWindowBytes: 16_777_216, sendWindowBytes: 16_777_216 });
    const streams = [1_000, 16_000, 65_536].map((chunkBytes) => {
      const stream = pair.a.open();
      for (let bytes = 0; bytes < 6_000_000; bytes += chunkBytes) stream.port.write(new Uint8Array(chunkBytes));
      return stream;
    });
    let pulled = 0;
    while (pulled < 9_000_000) pulled += pair.a.mux.pull(262_144)!.bytes;
    const sent = streams.map((stream) => stream.sentBytes);
    expect(Math.max(...sent) - Math.min(...sent)).toBeLessThan(2 * 66_560);
  });

  test('streams that are always new do not starve an old one', () => {
    const pair = createPair({ maxOutboundStreams: 100_000, receiveWindowBytes: 1 << 24, sendWindowBytes: 1 << 24 });
    const bulk = pair.a.open();
    bulk.port.write(new Uint8Array(8_000_000));
    pair.a.mux.pull(262_144);
    const before = bulk.sentBytes;
    let pulled = 0;
    while (pulled < 4_000_000) {
      for (let count = 0; count < 20; count += 1) {
        const stream = pair.a.open();
        stream.port.write(new Uint8Array(4_000));
        stream.port.end();
      }
      pulled += pair.a.mux.pull(66_560)!.bytes;
    }
    expect(bulk.sentBytes - before).toBeGreaterThan(pulled / 10);
  });

  test('a stream without credit takes no turn, and 999 others go on', () => {
    const pair = createPair({ receiveWindowBytes: 1_000, maxReceiveWindowBytes: 1_000, sendWindowBytes: 1_000 });
    const streams: StreamEnd[] = Array.from({ length: 1_000 }, () => pair.a.open());
    exchange(pair);
    pair.b.autoConsume = false;
    streams[0]!.port.write(new Uint8Array(100_000));
    exchange(pair);
    pair.b.autoConsume = true;
    for (const stream of streams.slice(1)) stream.port.write(new Uint8Array(5_000));
    exchange(pair);
    const received = pair.b.streams.map((stream) => stream.receivedBytes);
    expect(received[0]).toBe(1_000);
    expect(received.slice(1).every((bytes) => bytes === 5_000)).toBe(true);
  });
});

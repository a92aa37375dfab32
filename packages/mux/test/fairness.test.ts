import { GroupScheduler } from '@sealane/mux';
import { ResetCode } from '@sealane/types';
import { describe, expect, test } from 'vitest';
import type { StreamCore } from '../src/stream-core.js';
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

  test('an interactive stream beside 100 bulk ones is in the next batch each time, not once in a round', () => {
    const pair = createPair({ receiveWindowBytes: 1 << 24, sendWindowBytes: 1 << 24 });
    const bulk = Array.from({ length: 100 }, () => pair.a.open());
    const interactive = pair.a.open();
    exchange(pair);
    for (const stream of bulk) stream.port.write(new Uint8Array(1 << 20));
    for (let turn = 0; turn < 200; turn += 1) {
      interactive.port.write(new Uint8Array(64));
      const [first] = dataFrames(joinBytes(pair.a.mux.pull(66_560)!.chunks));
      expect(first).toEqual({ streamId: interactive.port.id, length: 64 });
    }
  });

  test('an OPEN costs its bytes: streams that are opened without end leave a bulk one its part', () => {
    const pair = createPair({ maxOutboundStreams: 100_000, receiveWindowBytes: 1 << 24, sendWindowBytes: 1 << 24 });
    const bulk = pair.a.open();
    bulk.port.write(new Uint8Array(8_000_000));
    pair.a.mux.pull(262_144);
    const before = bulk.sentBytes;
    let pulled = 0;
    while (pulled < 4_000_000) {
      for (let count = 0; count < 20; count += 1) pair.a.open('x'.repeat(8_000)).port.end();
      pulled += pair.a.mux.pull(66_560)!.bytes;
    }
    // One of its turns for 64 KiB of theirs, and a frame is four turns.
    expect(bulk.sentBytes - before).toBeGreaterThan(pulled / 6);
  });

  test('streams that are opened and reset without end: what an honest one has to say is in the next batch', () => {
    const pair = createPair({ maxInboundStreams: 100_000, maxOutboundStreams: 100_000 });
    const honest = Array.from({ length: 100 }, () => pair.a.open());
    const bulk = pair.a.open();
    exchange(pair);
    pair.b.accept = (end) => end.port.write(Uint8Array.of(1));
    let storm: StreamEnd[] = [];
    let bulkBytes = 0;
    for (let turn = 0; turn < 50; turn += 1) {
      // Answered by now, so that no pacing holds the resets back.
      for (const stream of storm) stream.port.reset(ResetCode.CANCELLED);
      storm = Array.from({ length: 500 }, () => pair.a.open('storm'));
      if (bulk.port.queuedBytes < 66_560) bulk.port.write(new Uint8Array(65_536));
      for (const stream of honest) stream.port.write(new Uint8Array(64));
      const batch = joinBytes(pair.a.mux.pull(262_144)!.chunks);
      const frames = dataFrames(batch);
      const sent = new Set(frames.filter(({ length }) => length === 64).map(({ streamId }) => streamId));
      expect(honest.every((stream) => sent.has(stream.port.id))).toBe(true);
      bulkBytes += frames.reduce((sum, { length }) => sum + (length > 1_000 ? length : 0), 0);
      expect(batch.length - frames.reduce((sum, { length }) => sum + length + 9, 0)).toBeLessThanOrEqual(16_384);
      pair.b.mux.receive(batch);
      exchange(pair);
    }
    expect(bulkBytes).toBeGreaterThan(12 * 65_536);
  });

  test('a batch holds at most 16 KiB of control while data waits, and the next one a whole frame of data', () => {
    const pair = createPair({ maxInboundStreams: 100_000, maxOutboundStreams: 100_000 });
    const bulk = pair.a.open();
    pair.b.accept = (end) => end.port.write(Uint8Array.of(1));
    const storm = Array.from({ length: 5_000 }, () => pair.a.open());
    exchange(pair);
    for (let count = 0; count < 4; count += 1) bulk.port.write(new Uint8Array(65_536));
    for (const stream of storm) stream.port.reset(ResetCode.CANCELLED);
    for (let count = 0; count < 2; count += 1) {
      const batches = [0, 1].map(() => joinBytes(pair.a.mux.pull(66_624)!.chunks));
      const data = batches.map((batch) => dataFrames(batch).reduce((sum, { length }) => sum + length + 9, 0));
      for (const [index, batch] of batches.entries()) {
        expect(batch.length - (data[index] ?? 0)).toBeLessThanOrEqual(16_384);
      }
      expect(data).toEqual([0, 65_545]);
    }
  });
});

describe('groups', () => {
  /** Bytes that each group has sent when `bytes` were pulled; group `index` has `sizes[index]` bulk streams. */
  function share(sizes: readonly number[], bytes: number, chunkBytes = 65_536): number[][] {
    const window = 1 << 28;
    const pair = createPair({
      receiveWindowBytes: window,
      maxReceiveWindowBytes: window,
      sendWindowBytes: window,
      isGrouped: true,
    });
    const chunk = new Uint8Array(chunkBytes);
    const groups = sizes.map((size) => {
      const group = {};
      return Array.from({ length: size }, () => {
        const stream = pair.a.open('', { group });
        for (let queued = 0; queued < bytes; queued += chunkBytes) stream.port.write(chunk);
        return stream;
      });
    });
    for (let pulled = 0; pulled < bytes; ) pulled += pair.a.mux.pull(66_560)!.bytes;
    return groups.map((streams) => streams.map(({ sentBytes }) => sentBytes));
  }

  test.each([65_536, 1_000])('get the same bytes, however many streams each has, in chunks of %i', (chunkBytes) => {
    const sent = share([1, 10, 100], 30_000_000, chunkBytes);
    const sums = sent.map((streams) => streams.reduce((sum, bytes) => sum + bytes, 0));
    expect(Math.max(...sums) - Math.min(...sums)).toBeLessThan(2 * 66_560);
    for (const streams of sent) expect(Math.max(...streams) - Math.min(...streams)).toBeLessThan(2 * 66_560);
  });

  test('go first with what they have to say, beside one that has 100 bulk streams', () => {
    const pair = createPair({ receiveWindowBytes: 1 << 24, sendWindowBytes: 1 << 24, isGrouped: true });
    const greedy = {};
    const bulk = Array.from({ length: 100 }, () => pair.a.open('', { group: greedy }));
    const others = Array.from({ length: 100 }, () => pair.a.open('', { group: {} }));
    exchange(pair);
    for (const stream of bulk) stream.port.write(new Uint8Array(1 << 20));
    for (let turn = 0; turn < 100; turn += 1) {
      for (const stream of others) stream.port.write(new Uint8Array(64));
      // After 64 KiB of them the other one has its turn: one frame of it may come between.
      const frames = [0, 1, 2].flatMap(() => dataFrames(joinBytes(pair.a.mux.pull(66_560)!.chunks)));
      const last = frames.findLastIndex(({ length }) => length === 64);
      expect(frames.filter(({ length }) => length === 64).length).toBe(100);
      expect(last).toBeLessThanOrEqual(100);
    }
  });

  test('that have nothing to send are not remembered', () => {
    const scheduler = new GroupScheduler();
    for (let count = 0; count < 1_000; count += 1) {
      // What the scheduler needs of a stream; a whole one would have a scheduler already.
      const stream = { isReady: true, isFresh: false, isInRound: false, isInTurn: false, deficitBytes: 0, group: {} };
      scheduler.change(stream as StreamCore);
      expect(scheduler.next()).toBe(stream);
      stream.isReady = false;
      scheduler.change(stream as StreamCore);
      scheduler.sent(stream as StreamCore, 64);
    }
    expect([scheduler.hasReady, scheduler.places, scheduler.groupCount]).toEqual([false, 0, 0]);
  });
});

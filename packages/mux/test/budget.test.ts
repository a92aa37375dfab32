import { MemoryBudget } from '@sealane/mux';
import { encodeFrame, encodeOpenBody } from '@sealane/protocol';
import { FrameFlag, FrameType, MuxLimit, ResetCode } from '@sealane/types';
import { describe, expect, test } from 'vitest';
import { createPair, exchange, joinBytes, type Pair, type Peer, type StreamEnd } from './pair.js';

const overhead = MuxLimit.heldFrameOverheadBytes;

/** The acceptor's end of a stream that carries `bytes` and is not read. */
function hold(pair: Pair, bytes: number): StreamEnd {
  const stream = pair.a.open();
  if (bytes > 0) stream.port.write(new Uint8Array(bytes));
  exchange(pair);
  return pair.b.streams.at(-1)!;
}

describe('the process budget', () => {
  test('counts each held frame at its length plus 128 until it is consumed', () => {
    const pair = createPair();
    pair.b.autoConsume = false;
    const end = hold(pair, 1_000);
    expect(pair.b.budget.used).toBe(1_000 + overhead);
    end.port.consume(999);
    expect(pair.b.budget.used).toBe(1 + overhead);
    end.port.consume(1);
    expect(pair.b.budget.used).toBe(0);
    expect(() => end.port.consume(1)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
  });

  test('bytes delivered before an orderly end stay charged until they are consumed', () => {
    const pair = createPair();
    pair.b.autoConsume = false;
    const stream = pair.a.open();
    stream.port.write(new Uint8Array(500));
    stream.port.end();
    exchange(pair);
    const end = pair.b.streams[0]!;
    end.port.end();
    exchange(pair);
    expect([end.port.isClosed, pair.b.mux.streamCount]).toEqual([true, 0]);
    expect(pair.b.budget.used).toBe(500 + overhead);
    end.port.consume(500);
    expect(pair.b.budget.used).toBe(0);
  });

  test('from three quarters on new streams are BUSY', () => {
    const pair = createPair({ budgetBytes: 10_000 });
    pair.b.autoConsume = false;
    hold(pair, 7_500);
    const refused = pair.a.open();
    exchange(pair);
    expect(refused.resetCode).toBe(ResetCode.BUSY);
    pair.b.streams[0]!.port.consume(7_500);
    const taken = pair.a.open();
    exchange(pair);
    expect(taken.error).toBeUndefined();
  });

  test.each([
    { bodyBytes: 30_000, kept: [true, true, false, false] },
    { bodyBytes: 6_000, kept: [true, true, true, false] },
  ])('the more is held, the less memory may a body of $bodyBytes B pin before it is copied', ({ bodyBytes, kept }) => {
    const pair = createPair({ budgetBytes: 800_000 });
    pair.b.autoConsume = false;
    hold(pair, 1);
    const [stream] = [pair.a.open()];
    exchange(pair);
    const chunks: Uint8Array[] = [];
    const end = pair.b.streams[1]!;
    end.onData = (chunk) => void chunks.push(chunk);
    const pings = Array.from({ length: 3_000 }, () => encodeFrame(FrameType.PING, 0, 0, new Uint8Array(8)));
    const message = joinBytes([encodeFrame(FrameType.DATA, 0, stream.port.id, new Uint8Array(bodyBytes)), ...pings]);
    for (const _ of kept) pair.b.mux.receive(message.slice());
    const pinned = chunks.map(({ buffer }) => buffer.byteLength === message.length);
    expect(pinned).toEqual(kept);
  });

  test('above the limit a stream of tiny frames goes before one that was full earlier', () => {
    const pair = createPair({ budgetBytes: 30_000, receiveWindowBytes: 4_000, sendWindowBytes: 4_000 });
    pair.b.autoConsume = false;
    const full = hold(pair, 4_000);
    const tiny = pair.a.open();
    exchange(pair);
    const frame = encodeFrame(FrameType.DATA, 0, tiny.port.id, Uint8Array.of(1));
    for (let count = 0; count < 300; count++) pair.b.mux.receive(frame);
    expect(pair.b.streams[1]?.resetCode).toBe(ResetCode.BUSY);
    expect(full.error).toBeUndefined();
    expect(pair.b.budget.used).toBe(4_000 + overhead);
  });

  test('above the limit the stream that is full for the longest time is reset, and the others go on', () => {
    const pair = createPair({ budgetBytes: 10_000, receiveWindowBytes: 4_000, sendWindowBytes: 4_000 });
    pair.b.autoConsume = false;
    const streams = [0, 0, 0, 0].map(() => pair.a.open());
    exchange(pair);
    const [light, first, second, third] = streams as [StreamEnd, StreamEnd, StreamEnd, StreamEnd];
    light.port.write(new Uint8Array(100));
    exchange(pair);
    for (const stream of [first, second]) {
      stream.port.write(new Uint8Array(4_000));
      exchange(pair);
    }
    expect(first.error).toBeUndefined();
    third.port.write(new Uint8Array(4_000));
    exchange(pair);
    expect([light, first, second, third].map((stream) => stream.resetCode)).toEqual([
      undefined,
      ResetCode.BUSY,
      undefined,
      undefined,
    ]);
    expect(pair.b.streams[1]?.error?.code).toBe('ERR_STREAM_BUSY');
    expect(pair.b.budget.isOver).toBe(false);
  });

  test('many streams that are each less than half full cannot exceed the limit either', () => {
    const pair = createPair({ budgetBytes: 100_000 });
    pair.b.autoConsume = false;
    const streams = Array.from({ length: 200 }, () => pair.a.open());
    exchange(pair);
    for (const stream of streams) stream.port.write(new Uint8Array(1_000));
    exchange(pair);
    expect(pair.b.budget.used).toBeLessThanOrEqual(100_000);
    expect(streams.filter((stream) => stream.resetCode === ResetCode.BUSY).length).toBeGreaterThan(100);
  });
});

describe('what one peer holds', () => {
  /** Two muxes with one budget, the acceptors of two pairs. */
  function createTwo(budgetBytes: number): { greedy: Pair; honest: Pair } {
    const budget = new MemoryBudget(budgetBytes);
    const [greedy, honest] = [createPair({ budget }), createPair({ budget })];
    greedy.b.autoConsume = false;
    return { greedy, honest };
  }

  test('is at most half of the budget before its new streams are BUSY, and those of others are not', () => {
    const { greedy, honest } = createTwo(100_000);
    hold(greedy, 50_000);
    const refused = greedy.a.open();
    exchange(greedy);
    expect(refused.resetCode).toBe(ResetCode.BUSY);
    const taken = honest.a.open();
    exchange(honest);
    expect([taken.error, honest.b.streams.length]).toEqual([undefined, 1]);
    greedy.b.streams[0]?.port.consume(10_000);
    const again = greedy.a.open();
    exchange(greedy);
    expect(again.error).toBeUndefined();
  });

  test('and does not take for ten seconds goes while others are refused for it, one that reads slowly stays', () => {
    const { greedy, honest } = createTwo(1_000_000);
    const { budget } = honest.b;
    budget.endStalled(0);
    const [slow, stalled, second] = [0, 1, 2].map(() => greedy.a.open()) as [StreamEnd, StreamEnd, StreamEnd];
    for (const stream of [slow, stalled, second]) stream.port.write(new Uint8Array(262_144));
    exchange(greedy);
    expect(budget.refusesStreams).toBe(true);
    const refused = honest.a.open();
    exchange(honest);
    expect(refused.resetCode).toBe(ResetCode.BUSY);
    for (let second = 1; second <= 9; second += 1) {
      greedy.b.streams[0]?.port.consume(100);
      budget.endStalled(second * 1_000);
    }
    expect(stalled.error).toBeUndefined();
    budget.endStalled(10_000);
    exchange(greedy);
    expect([slow, stalled, second].map(({ resetCode }) => resetCode)).toEqual([undefined, ResetCode.BUSY, undefined]);
    const taken = honest.a.open();
    exchange(honest);
    expect(taken.error).toBeUndefined();
    // Nobody is refused any more: the others may stand still for as long as they like.
    budget.endStalled(100_000);
    exchange(greedy);
    expect([slow.error, second.error]).toEqual([undefined, undefined]);
  });

  test('is less than half of every window: it goes as well, once there is nothing full', () => {
    const { greedy, honest } = createTwo(1_000_000);
    const { budget } = honest.b;
    budget.endStalled(0);
    const streams = Array.from({ length: 40 }, () => greedy.a.open());
    exchange(greedy);
    for (const stream of streams) stream.port.write(new Uint8Array(20_000));
    exchange(greedy);
    expect(budget.refusesStreams).toBe(true);
    budget.endStalled(10_000);
    exchange(greedy);
    expect(budget.refusesStreams).toBe(false);
    expect(streams.filter(({ resetCode }) => resetCode === ResetCode.BUSY).length).toBe(3);
  });

  test('is told of when it is refused', () => {
    const { greedy } = createTwo(100_000);
    hold(greedy, 50_000);
    greedy.a.open();
    exchange(greedy);
    expect(greedy.b.refused).toEqual([ResetCode.BUSY]);
  });
});

describe('memory behind held bodies', () => {
  test('a small body is copied out of the large message that it would pin', () => {
    const pair = createPair();
    const frame = encodeFrame(FrameType.DATA, FrameFlag.OPEN, 1, encodeOpenBody(new Uint8Array(0), new Uint8Array(50)));
    const large = new Uint8Array(65_536);
    large.set(frame);
    pair.b.mux.receive(large.subarray(0, frame.length));
    const chunk = pair.b.streams[0]!.chunks[0]!;
    expect(chunk.buffer.byteLength).toBe(50);
  });

  test('a large body stays where it is', () => {
    const pair = createPair();
    const frame = encodeFrame(
      FrameType.DATA,
      FrameFlag.OPEN,
      1,
      encodeOpenBody(new Uint8Array(0), new Uint8Array(60_000)),
    );
    pair.b.mux.receive(frame);
    expect(pair.b.streams[0]!.chunks[0]!.buffer).toBe(frame.buffer);
  });
});

describe('window growth', () => {
  /** Everything that waits arrives at the other side half a round trip later. */
  function carry(pair: Pair, from: Peer, to: Peer, delayMs: number): void {
    const messages: Uint8Array[] = [];
    for (let batch = from.mux.pull(262_144); batch !== undefined; batch = from.mux.pull(262_144)) {
      messages.push(joinBytes(batch.chunks));
    }
    pair.clock.advance(delayMs);
    for (const message of messages) to.mux.receive(message);
  }

  /** One window per round trip until `ms` have passed; the receiver takes all at once. */
  function transfer(pair: Pair, stream: StreamEnd, rttMs: number, ms: number): void {
    for (let passed = 0; passed < ms; passed += rttMs) {
      if (stream.port.queuedBytes < 8_000_000) stream.port.write(new Uint8Array(8_000_000));
      carry(pair, pair.a, pair.b, rttMs / 2);
      carry(pair, pair.b, pair.a, rttMs / 2);
    }
  }

  test('a long path gets a larger window, up to the cap', () => {
    const pair = createPair({ maxReceiveWindowBytes: 4_194_304 });
    const stream = pair.a.open();
    transfer(pair, stream, 50, 3_000);
    expect(stream.port.sendCredit).toBe(4_194_304);
    expect(pair.b.budget.reservedForGrowth).toBe(4_194_304 - 262_144);
    stream.port.reset(ResetCode.CANCELLED);
    exchange(pair);
    expect(pair.b.budget.reservedForGrowth).toBe(0);
  });

  test('a slow reader on a short path never gets one: a queue is not a long path', () => {
    const pair = createPair();
    pair.b.autoConsume = false;
    const stream = pair.a.open();
    stream.port.write(new Uint8Array(8_000_000));
    exchange(pair);
    const ping = pair.b.mux.ping();
    pair.b.flush(pair.a);
    pair.clock.advance(1);
    exchange(pair);
    const end = pair.b.streams[0]!;
    // 100 bytes per millisecond and a round trip of one millisecond need a window of 200 bytes.
    for (let round = 0; round < 20_000; round += 1) {
      pair.clock.advance(1);
      end.port.consume(Math.min(100, end.port.heldBytes));
      exchange(pair);
    }
    expect(pair.b.budget.reservedForGrowth).toBe(0);
    return expect(ping).resolves.toBe(1);
  });

  test('a fast reader on the shortest path gets what two milliseconds take: credit for each bit costs more', () => {
    const pair = createPair();
    pair.b.autoConsume = false;
    const stream = pair.a.open();
    stream.port.write(new Uint8Array(40_000_000));
    exchange(pair);
    const ping = pair.b.mux.ping();
    pair.b.flush(pair.a);
    pair.clock.advance(0.25);
    exchange(pair);
    const end = pair.b.streams[0]!;
    // 100,000 bytes per millisecond and a round trip of a quarter of one would need a window of 50,000.
    for (let round = 0; round < 300; round += 1) {
      pair.clock.advance(1);
      end.port.consume(Math.min(100_000, end.port.heldBytes));
      exchange(pair);
    }
    expect(262_144 + pair.b.budget.reservedForGrowth).toBe(400_000);
    return expect(ping).resolves.toBe(0.25);
  });

  test('no window grows beyond half of the budget', () => {
    const pair = createPair({ budgetBytes: 1_000_000 });
    const stream = pair.a.open();
    transfer(pair, stream, 50, 3_000);
    expect(pair.b.budget.reservedForGrowth).toBeLessThanOrEqual(500_000);
  });
});

import { encodeCredit, encodeFrame, encodeGoAway, encodeOpenBody, encodeReset } from '@sealane/protocol';
import { FrameFlag, FrameType, GoAwayCode, MuxLimit, ResetCode, SealaneError } from '@sealane/types';
import { describe, expect, test } from 'vitest';
import { createPair, exchange, joinBytes } from './pair.js';

const { DATA, CREDIT, RESET, PING, PONG, GOAWAY, MESSAGE } = FrameType;
const empty = new Uint8Array(0);

const openFrame = (id: number, data: Uint8Array = empty, fin = false): Uint8Array =>
  encodeFrame(DATA, FrameFlag.OPEN | (fin ? FrameFlag.FIN : 0), id, encodeOpenBody(empty, data));
const dataFrame = (id: number, bytes: number, fin = false): Uint8Array =>
  encodeFrame(DATA, fin ? FrameFlag.FIN : 0, id, new Uint8Array(bytes));
const resetFrame = (id: number, code: number = ResetCode.CANCELLED): Uint8Array =>
  encodeFrame(RESET, 0, id, encodeReset(code));

/** Frames of a batch as `[type, flags, stream, body length]`. */
function framesOf(message: Uint8Array): number[][] {
  const frames: number[][] = [];
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  for (let at = 0; at < message.length; ) {
    const length = (view.getUint16(at + 6) << 8) | view.getUint8(at + 8);
    frames.push([view.getUint8(at), view.getUint8(at + 1), view.getUint32(at + 2), length]);
    at += 9 + length;
  }
  return frames;
}

function codeOf(action: () => void): string {
  try {
    action();
  } catch (error) {
    if (error instanceof SealaneError) return error.code;
    throw error;
  }
  return 'none';
}

describe('every violation has its code', () => {
  const windowBytes = 1_000;
  test.each<[string, string, Uint8Array[]]>([
    ['an OPEN with our parity', 'ERR_MUX_STREAM', [openFrame(2)]],
    ['an OPEN used twice', 'ERR_MUX_STREAM', [openFrame(3), openFrame(3)]],
    ['an OPEN below an earlier one', 'ERR_MUX_STREAM', [openFrame(5), openFrame(3)]],
    ['data for a stream never opened', 'ERR_MUX_STREAM', [dataFrame(1, 1)]],
    ['data for a stream of ours that we never opened', 'ERR_MUX_STREAM', [dataFrame(2, 1)]],
    ['credit for a stream never opened', 'ERR_MUX_STREAM', [encodeFrame(CREDIT, 0, 7, encodeCredit(1))]],
    ['a reset for a stream never opened', 'ERR_MUX_STREAM', [resetFrame(1)]],
    ['a message for a stream never opened', 'ERR_MUX_STREAM', [encodeFrame(MESSAGE, 0, 1, Uint8Array.of(1))]],
    ['data after FIN', 'ERR_MUX_STREAM', [openFrame(1, empty, true), dataFrame(1, 1)]],
    ['data above credit', 'ERR_MUX_CREDIT', [openFrame(1), dataFrame(1, windowBytes), dataFrame(1, 1)]],
    ['data above credit in the OPEN', 'ERR_MUX_CREDIT', [openFrame(1, new Uint8Array(windowBytes + 1))]],
    ['more credit than 2^31-1', 'ERR_MUX_CREDIT', [openFrame(1), encodeFrame(CREDIT, 0, 1, encodeCredit(0x7fff_ffff))]],
    ['data of length 0 without FIN', 'ERR_PROTOCOL_FRAME', [openFrame(1), dataFrame(1, 0)]],
    ['a body above the limit', 'ERR_PROTOCOL_LIMIT', [openFrame(1), dataFrame(1, 66_561)]],
    ['a short OPEN with a body above the limit', 'ERR_PROTOCOL_LIMIT', [openFrame(1, new Uint8Array(66_561))]],
    ['an unknown type below 64', 'ERR_PROTOCOL_FRAME', [encodeFrame(63, 0, 0, empty)]],
    ['half a frame', 'ERR_PROTOCOL_FRAME', [openFrame(1).subarray(0, 5)]],
    [
      'a GOAWAY that takes an earlier one back',
      'ERR_MUX_STREAM',
      [4, 6].map((lastStream) =>
        encodeFrame(GOAWAY, 0, 0, encodeGoAway({ lastStream, code: 1, retryAfterMs: 0, url: '' })),
      ),
    ],
  ])('%s: %s', (_title, code, frames) => {
    const { b } = createPair({ receiveWindowBytes: windowBytes, maxReceiveWindowBytes: windowBytes });
    const receiveAll = (): void => {
      for (const frame of frames) b.mux.receive(frame);
    };
    expect(codeOf(receiveAll)).toBe(code);
  });

  test('a message where messages are not allowed: ERR_PROTOCOL_FRAME', () => {
    const { b } = createPair({ allowMessages: false });
    expect(codeOf(() => b.mux.receive(encodeFrame(MESSAGE, 0, 0, Uint8Array.of(1))))).toBe('ERR_PROTOCOL_FRAME');
  });

  test('unknown types from 64 on are ignored and counted', () => {
    const { b } = createPair();
    b.mux.receive(encodeFrame(64, 255, 9, empty));
    expect(b.mux.statistics.framesIgnored).toBe(1);
  });
});

describe('stream numbers', () => {
  test('numbers may have gaps; frames for skipped and closed streams are ignored and counted', () => {
    const { b } = createPair();
    b.mux.receive(openFrame(7));
    b.mux.receive(dataFrame(3, 10));
    b.mux.receive(resetFrame(7));
    b.mux.receive(dataFrame(7, 10));
    expect(b.streams[0]?.resetCode).toBe(ResetCode.CANCELLED);
    expect(b.mux.statistics.framesIgnored).toBe(2);
  });

  test('streams get their numbers in the order of the wire', () => {
    const pair = createPair();
    const first = pair.a.open('held', { holdUntilData: true });
    const second = pair.a.open('now');
    exchange(pair);
    expect([first.port.id, second.port.id]).toEqual([0, 1]);
    first.port.sendOpen();
    exchange(pair);
    expect(first.port.id).toBe(3);
    expect(pair.b.streams.map((stream) => stream.open)).toEqual(['now', 'held']);
  });

  test('a stream that was never sent is forgotten without a frame', () => {
    const pair = createPair();
    const stream = pair.a.open();
    stream.port.write(new Uint8Array(10));
    stream.port.reset(ResetCode.CANCELLED);
    expect(pair.a.mux.hasPending).toBe(false);
    expect(pair.a.mux.pull(1_000)).toBeUndefined();
    expect(pair.a.mux.streamCount).toBe(0);
  });

  test('each side opens streams of its parity', () => {
    const pair = createPair();
    const odd = pair.a.open();
    const even = pair.b.open();
    exchange(pair);
    expect([odd.port.id, even.port.id]).toEqual([1, 2]);
  });
});

describe('limits of streams', () => {
  test('an OPEN above the limit is RESET(BUSY), and its data is ignored', () => {
    const pair = createPair({ maxInboundStreams: 1 });
    pair.b.mux.receive(joinBytes([openFrame(1), openFrame(3, new Uint8Array(5)), dataFrame(3, 10)]));
    expect(pair.b.streams.length).toBe(1);
    expect(framesOf(joinBytes(pair.b.mux.pull(1_000)!.chunks))).toEqual([[RESET, 0, 3, 2]]);
    expect(pair.b.mux.statistics.streamsRefused).toBe(1);
  });

  test('the opener keeps to the limit of its peer: ERR_STREAM_BUSY, and room again after an end', () => {
    const pair = createPair({ maxOutboundStreams: 1 });
    const stream = pair.a.open();
    expect(codeOf(() => pair.a.open())).toBe('ERR_STREAM_BUSY');
    exchange(pair);
    stream.port.end();
    pair.b.streams[0]!.port.end();
    exchange(pair);
    expect(codeOf(() => pair.a.open())).toBe('none');
  });

  test('a stream left without a handler is refused', () => {
    const pair = createPair();
    pair.b.accept = (end) => {
      end.port.handler = undefined;
    };
    const stream = pair.a.open();
    exchange(pair);
    expect(stream.resetCode).toBe(ResetCode.REFUSED);
  });

  test('opening and resetting before an answer costs tokens: 100, then 20 per second', () => {
    const { b, clock } = createPair();
    let id = 1;
    const openAndReset = (): void => {
      id += 2;
      b.mux.receive(joinBytes([openFrame(id), resetFrame(id)]));
    };
    for (let count = 0; count < 100; count += 1) openAndReset();
    expect(codeOf(openAndReset)).toBe('ERR_MUX_FLOOD');
    clock.advance(1_000);
    for (let count = 0; count < 20; count += 1) openAndReset();
    expect(codeOf(openAndReset)).toBe('ERR_MUX_FLOOD');
  });

  test('ending normally, or resetting after an answer, costs no token', () => {
    const pair = createPair();
    pair.b.accept = (end) => end.port.write(Uint8Array.of(1));
    for (let count = 0; count < 500; count += 1) {
      const stream = pair.a.open();
      exchange(pair);
      if (count % 2 === 0) stream.port.reset(ResetCode.CANCELLED);
      else {
        stream.port.end();
        pair.b.streams.at(-1)!.port.end();
      }
      exchange(pair);
    }
    expect([pair.a.mux.streamCount, pair.b.mux.streamCount]).toEqual([0, 0]);
  });

  test('a well-behaved side never floods: it holds RESETs of unanswered streams back', () => {
    const pair = createPair();
    for (let count = 0; count < 500; count += 1) {
      const stream = pair.a.open();
      exchange(pair);
      stream.port.reset(ResetCode.CANCELLED);
      exchange(pair);
    }
    expect(pair.b.mux.streamCount).toBeGreaterThan(400);
    for (let second = 0; second < 60; second += 1) {
      pair.clock.advance(1_000);
      exchange(pair);
    }
    expect([pair.a.mux.streamCount, pair.b.mux.streamCount]).toEqual([0, 0]);
    expect(pair.b.streams.every((stream) => stream.resetCode === ResetCode.CANCELLED)).toBe(true);
  });

  test('a RESET that was held back goes out with the answer of the peer, whose data is dropped', () => {
    const pair = createPair();
    for (let count = 0; count < 51; count += 1) {
      const stream = pair.a.open();
      exchange(pair);
      stream.port.reset(ResetCode.CANCELLED);
    }
    exchange(pair);
    const late = pair.b.streams.at(-1)!;
    expect(late.error).toBeUndefined();
    late.port.write(new Uint8Array(100));
    exchange(pair);
    expect(late.resetCode).toBe(ResetCode.CANCELLED);
    expect(pair.a.budget.used).toBe(0);
  });
});

describe('control', () => {
  test('more than 64 KiB of unsent control bytes are ERR_MUX_FLOOD', () => {
    const { a } = createPair();
    const body = new Uint8Array(8_192);
    for (let count = 0; count < 7; count += 1) a.mux.sendMessage(0, body);
    expect(codeOf(() => a.mux.sendMessage(0, body))).toBe('ERR_MUX_FLOOD');
  });

  test('a peer that has its streams refused and does not read is ERR_MUX_FLOOD', () => {
    const { b } = createPair({ maxInboundStreams: 0 });
    const code = codeOf(() => {
      for (let id = 1; id < 100_000; id += 2) b.mux.receive(openFrame(id));
    });
    expect(code).toBe('ERR_MUX_FLOOD');
    expect(b.mux.unsentControlBytes).toBeLessThanOrEqual(MuxLimit.maxUnsentControlBytes + 11);
  });

  test('of many PINGs only the last is answered: PONG is state', () => {
    const { b } = createPair();
    for (let count = 0; count < 10_000; count += 1)
      b.mux.receive(encodeFrame(PING, 0, 0, new Uint8Array(8).fill(count)));
    const batch = b.mux.pull(1_000)!;
    expect(framesOf(joinBytes(batch.chunks))).toEqual([[PONG, 0, 0, 8]]);
    expect(joinBytes(batch.chunks)[9]).toBe(9_999 & 255);
    expect(batch.onlyControl).toBe(true);
  });

  test('credit is state: one frame for all that was consumed', () => {
    const pair = createPair();
    pair.b.autoConsume = false;
    const stream = pair.a.open();
    stream.port.write(new Uint8Array(200_000));
    exchange(pair);
    for (let count = 0; count < 200; count += 1) pair.b.streams[0]!.port.consume(1_000);
    const batch = pair.b.mux.pull(1_000)!;
    expect(framesOf(joinBytes(batch.chunks))).toContainEqual([CREDIT, 0, 1, 4]);
    expect(framesOf(joinBytes(batch.chunks)).filter(([type]) => type === CREDIT).length).toBe(1);
  });

  test('a second ping joins the one that waits, and the round trip is measured', async () => {
    const pair = createPair();
    const first = pair.a.mux.ping();
    expect(pair.a.mux.ping()).toBe(first);
    pair.a.flush(pair.b);
    expect(pair.a.mux.pingPendingSinceMs).toBe(0);
    pair.clock.advance(30);
    pair.b.flush(pair.a);
    await expect(first).resolves.toBe(30);
    expect([pair.a.mux.rttMs, pair.a.mux.minRttMs, pair.a.mux.pingPendingSinceMs]).toEqual([30, 30, undefined]);
    pair.clock.advance(60_000);
    expect(pair.a.mux.minRttMs).toBeUndefined();
  });

  test('a PONG that answers nothing is ignored', () => {
    const { a } = createPair();
    a.mux.receive(encodeFrame(PONG, 0, 0, new Uint8Array(8)));
    expect(a.mux.rttMs).toBeUndefined();
  });

  test('control goes before data, at most 16 KiB a turn while data waits', () => {
    const pair = createPair();
    const stream = pair.a.open();
    stream.port.write(new Uint8Array(1_000));
    for (let count = 0; count < 10; count += 1) pair.a.mux.sendMessage(0, new Uint8Array(4_096));
    const types = framesOf(joinBytes(pair.a.mux.pull(262_144)!.chunks)).map(([type]) => type);
    expect(types).toEqual([MESSAGE, MESSAGE, MESSAGE, DATA]);
  });

  test('data that found no room behind control goes first in the next batch', () => {
    const pair = createPair();
    const stream = pair.a.open();
    exchange(pair);
    stream.port.write(new Uint8Array(2_000));
    for (let count = 0; count < 3; count += 1) pair.a.mux.sendMessage(0, new Uint8Array(1_000));
    const types = (): (number | undefined)[] =>
      framesOf(joinBytes(pair.a.mux.pull(2_100)!.chunks)).map(([type]) => type);
    expect(types()).toEqual([MESSAGE, MESSAGE]);
    expect(types()).toEqual([DATA]);
    expect(types()).toEqual([MESSAGE]);
  });

  test('a message goes before a RESET that was made after it', () => {
    const pair = createPair();
    pair.b.accept = (end) => {
      pair.b.mux.sendMessage(end.port, Uint8Array.of(7));
      end.port.reset(ResetCode.DENIED);
    };
    const stream = pair.a.open();
    exchange(pair);
    expect(pair.a.messages.map(({ streamId }) => streamId)).toEqual([1]);
    expect(stream.resetCode).toBe(ResetCode.DENIED);
  });

  test('a pull of control alone leaves data and messages where they are', () => {
    const pair = createPair();
    const stream = pair.a.open();
    stream.port.write(new Uint8Array(10));
    pair.a.mux.sendMessage(0, Uint8Array.of(1));
    expect(pair.a.mux.pull(1_000, { onlyControl: true })).toBeUndefined();
    pair.a.mux.receive(encodeFrame(PING, 0, 0, new Uint8Array(8)));
    expect(pair.a.mux.pull(1_000, { onlyControl: true })?.onlyControl).toBe(true);
    expect(stream.port.queuedBytes).toBe(10);
  });

  test('onWritable is called once until everything was pulled', () => {
    const pair = createPair();
    const stream = pair.a.open();
    stream.port.write(Uint8Array.of(1));
    expect(pair.a.writableCalls).toBe(1);
    pair.a.mux.pull(1_000);
    stream.port.write(Uint8Array.of(1));
    expect(pair.a.writableCalls).toBe(2);
    stream.port.write(Uint8Array.of(2));
    pair.a.mux.sendMessage(0, Uint8Array.of(1));
    expect(pair.a.writableCalls).toBe(2);
    pair.a.mux.pull(15);
    expect(pair.a.mux.hasPending).toBe(true);
    pair.a.mux.sendMessage(0, Uint8Array.of(1));
    expect(pair.a.writableCalls).toBe(2);
  });
});

describe('GOAWAY', () => {
  test('later streams are refused unseen, earlier ones go on', () => {
    const pair = createPair();
    const before = pair.a.open('before');
    exchange(pair);
    pair.b.mux.goAway({ code: GoAwayCode.SHUTDOWN, retryAfterMs: 5, url: 'wss://x' });
    const crossing = pair.a.open('crossing');
    pair.a.flush(pair.b);
    expect(pair.b.streams.length).toBe(1);
    exchange(pair);
    expect(crossing.resetCode).toBe(ResetCode.REFUSED);
    expect(crossing.error?.retryable).toBe(true);
    expect(codeOf(() => pair.a.open())).toBe('ERR_MUX_CLOSED');
    before.port.write(Uint8Array.of(1));
    exchange(pair);
    expect(pair.b.streams[0]?.receivedBytes).toBe(1);
    expect(pair.a.goAways).toEqual([1]);
  });

  test('a stream that was not sent yet is refused without a frame', () => {
    const pair = createPair();
    const held = pair.a.open('', { holdUntilData: true });
    pair.b.mux.goAway({ code: GoAwayCode.SHUTDOWN });
    exchange(pair);
    expect(held.resetCode).toBe(ResetCode.REFUSED);
    expect(pair.a.mux.streamCount).toBe(0);
  });

  test('a flood of them ends the link: each looks at all streams', () => {
    const pair = createPair();
    const goAway = encodeFrame(GOAWAY, 0, 0, encodeGoAway({ lastStream: 7, code: 1, retryAfterMs: 0, url: '' }));
    for (let count = 0; count < 17; count++) pair.b.mux.receive(goAway);
    expect(codeOf(() => pair.b.mux.receive(goAway))).toBe('ERR_MUX_FLOOD');
  });

  test('with the highest number of all it announces and refuses nothing', () => {
    const pair = createPair();
    pair.b.mux.goAway({ code: GoAwayCode.DRAINING, lastStream: 0xffff_ffff });
    exchange(pair);
    const stream = pair.a.open();
    exchange(pair);
    expect(stream.error).toBeUndefined();
    expect(pair.b.streams.length).toBe(1);
  });
});

describe('frames', () => {
  test('FIN travels with the last data', () => {
    const pair = createPair();
    const stream = pair.a.open();
    exchange(pair);
    stream.port.write(new Uint8Array(5));
    stream.port.end();
    const batch = pair.a.mux.pull(1_000)!;
    expect(framesOf(joinBytes(batch.chunks))).toEqual([[DATA, FrameFlag.FIN, 1, 5]]);
    expect(batch.streamsWithFin).toEqual([stream.port]);
    expect(codeOf(() => stream.port.write(Uint8Array.of(1)))).toBe('ERR_ARGUMENT');
  });

  test('a large chunk goes out by reference', () => {
    const pair = createPair();
    const stream = pair.a.open();
    exchange(pair);
    const chunk = new Uint8Array(10_000);
    stream.port.write(chunk);
    expect(pair.a.mux.pull(262_144)!.chunks[1]).toBe(chunk);
  });

  test('parts that were written together share a frame, each by reference', () => {
    const pair = createPair();
    const stream = pair.a.open();
    exchange(pair);
    const parts = [new Uint8Array(20), new Uint8Array(10_000), new Uint8Array(1_000)];
    stream.port.write({ chunks: parts, length: 11_020 });
    const { chunks, bytes } = pair.a.mux.pull(262_144)!;
    expect(bytes).toBe(11_029);
    expect(chunks.slice(1)).toEqual(parts.slice(1));
    expect([chunks[1] === parts[1], chunks[2] === parts[2]]).toEqual([true, true]);
    expect(framesOf(Buffer.concat(chunks))).toEqual([[DATA, 0, 1, 11_020]]);
  });

  test('parts that do not fit are cut anywhere, and arrive in order', () => {
    const pair = createPair({ maxBodyBytes: 700 });
    const stream = pair.a.open();
    exchange(pair);
    const parts = [0, 1, 2].map((part) => Uint8Array.from({ length: 1_000 + part }, (_, index) => index * 7 + part));
    stream.port.write({ chunks: parts, length: 3_003 });
    exchange(pair);
    expect(Buffer.compare(pair.b.streams[0]!.received(), Buffer.concat(parts))).toBe(0);
  });

  test('a message in several parts is received as the whole one', () => {
    const body = Uint8Array.from({ length: 30_000 }, (_, index) => index);
    for (const cuts of [
      [1],
      [8, 9, 10],
      [20_000],
      [5, 12_000, 24_000],
      Array.from({ length: 40 }, (_, cut) => cut + 1),
    ]) {
      const pair = createPair();
      const stream = pair.a.open();
      exchange(pair);
      stream.port.write(body);
      stream.port.end();
      const message = Uint8Array.from(Buffer.concat(pair.a.mux.pull(262_144)!.chunks));
      const ends = [...cuts, message.length];
      pair.b.mux.receive(ends.map((end, index) => message.subarray(index === 0 ? 0 : ends[index - 1], end)));
      const seen = pair.b.streams[0]!;
      expect(Buffer.compare(seen.received(), body)).toBe(0);
      expect(seen.fin).toBe(true);
      exchange(pair);
      expect(pair.b.budget.used).toBe(0);
    }
  });

  test('a chunk above the largest body is cut; small ones share a frame', () => {
    const pair = createPair({ maxBodyBytes: 1_000 });
    const stream = pair.a.open();
    exchange(pair);
    stream.port.write(new Uint8Array(2_500));
    for (let count = 0; count < 5; count += 1) stream.port.write(new Uint8Array(100));
    const lengths = framesOf(joinBytes(pair.a.mux.pull(262_144)!.chunks)).map(([, , , length]) => length);
    expect(lengths).toEqual([1_000, 1_000, 1_000]);
  });

  test('a batch never exceeds the room given, whatever waits', () => {
    const pair = createPair();
    for (let count = 0; count < 20; count += 1) pair.a.open().port.write(new Uint8Array(count * 97));
    for (let count = 0; count < 20; count += 1) pair.a.mux.sendMessage(0, new Uint8Array(50));
    for (let room = 70; pair.a.mux.hasPending; room = ((room * 7) % 500) + 70) {
      const batch = pair.a.mux.pull(room);
      if (batch !== undefined) expect(batch.bytes).toBeLessThanOrEqual(room);
    }
  });

  test('onSent and onDrain tell what was handed over, after the batch was made', () => {
    const pair = createPair({ receiveWindowBytes: 1_000, sendWindowBytes: 1_000 });
    const stream = pair.a.open();
    stream.port.write(new Uint8Array(1_500));
    pair.a.mux.pull(262_144);
    expect([stream.sentBytes, stream.drains, stream.port.queuedBytes]).toEqual([1_000, 0, 500]);
    pair.a.mux.receive(encodeFrame(CREDIT, 0, 1, encodeCredit(500)));
    pair.a.mux.pull(262_144);
    expect([stream.sentBytes, stream.drains, stream.port.queuedBytes]).toEqual([1_500, 1, 0]);
  });
});

test('the end of the mux ends every stream and the ping with its error', async () => {
  const pair = createPair();
  pair.b.autoConsume = false;
  const stream = pair.a.open();
  stream.port.write(new Uint8Array(10));
  const ping = pair.b.mux.ping();
  pair.a.flush(pair.b);
  const error = new SealaneError('ERR_LINK_LOST');
  pair.b.mux.close(error);
  pair.b.mux.close(new SealaneError('ERR_CLOSED'));
  await expect(ping).rejects.toBe(error);
  expect(pair.b.streams[0]?.error).toBe(error);
  expect(pair.b.budget.used).toBe(0);
  expect(pair.b.mux.pull(1_000)).toBeUndefined();
  expect(codeOf(() => pair.b.open())).toBe('ERR_MUX_CLOSED');
});

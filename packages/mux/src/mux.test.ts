import { MuxLimit, ResetCode, SealaneError } from '@sealane/types';
import { expect, test } from 'vitest';
import { createPair, exchange } from '../test/pair.js';

test('bytes arrive in order, and both directions end on their own', () => {
  const pair = createPair();
  const stream = pair.a.open('hello');
  stream.port.write(Uint8Array.of(1, 2, 3));
  stream.port.write(Uint8Array.of(4));
  exchange(pair);
  const other = pair.b.streams[0]!;
  expect(other.open).toBe('hello');
  expect([...other.received()]).toEqual([1, 2, 3, 4]);
  stream.port.end();
  exchange(pair);
  expect(other.fin).toBe(true);
  expect(stream.port.isClosed).toBe(false);
  other.port.write(Uint8Array.of(9));
  other.port.end();
  exchange(pair);
  expect([...stream.received()]).toEqual([9]);
  expect(stream.fin).toBe(true);
  expect([stream.port.isClosed, other.port.isClosed]).toEqual([true, true]);
  expect([pair.a.mux.streamCount, pair.b.mux.streamCount]).toEqual([0, 0]);
  expect(pair.b.budget.used).toBe(0);
});

test('OPEN, the first data and FIN share one frame', () => {
  const pair = createPair();
  const stream = pair.a.open('x', { holdUntilData: true });
  expect(pair.a.mux.hasPending).toBe(false);
  stream.port.write(Uint8Array.of(7));
  stream.port.end();
  const batch = pair.a.mux.pull(1_000);
  expect(batch?.bytes).toBe(9 + 2 + 1 + 1);
  expect(batch?.streamsWithFin).toEqual([stream.port]);
  expect(pair.a.mux.pull(1_000)).toBeUndefined();
});

test('a stream stops at the credit of the peer and goes on when bytes are consumed', () => {
  const pair = createPair({ receiveWindowBytes: 1_000, sendWindowBytes: 1_000 });
  const stream = pair.a.open();
  stream.port.write(new Uint8Array(2_500));
  pair.b.autoConsume = false;
  exchange(pair);
  const other = pair.b.streams[0]!;
  expect(other.receivedBytes).toBe(1_000);
  expect(stream.port.queuedBytes).toBe(1_500);
  expect(pair.b.budget.used).toBe(1_000 + MuxLimit.heldFrameOverheadBytes);
  other.port.consume(499);
  exchange(pair);
  expect(other.receivedBytes).toBe(1_000);
  other.port.consume(1);
  exchange(pair);
  expect(other.receivedBytes).toBe(1_500);
  other.port.consume(1_000);
  exchange(pair);
  expect(other.receivedBytes).toBe(2_500);
});

test('a RESET ends the stream for the other side with its code and releases what it holds', () => {
  const pair = createPair();
  pair.b.autoConsume = false;
  const stream = pair.a.open();
  stream.port.write(new Uint8Array(100));
  exchange(pair);
  stream.port.write(new Uint8Array(100));
  stream.port.reset(ResetCode.UNREACHABLE);
  exchange(pair);
  const other = pair.b.streams[0]!;
  expect((other.error as SealaneError).code).toBe('ERR_STREAM_UNREACHABLE');
  expect(other.receivedBytes).toBe(100);
  expect(stream.error).toBeUndefined();
  expect(pair.b.budget.used).toBe(0);
  expect([pair.a.mux.streamCount, pair.b.mux.streamCount]).toEqual([0, 0]);
});

test('the error of the end is made when somebody is told it: once for all streams, and not where none is left', async () => {
  let made = 0;
  const cause = (): SealaneError => {
    made += 1;
    return new SealaneError('ERR_E2EE_CLOSED');
  };
  const pair = createPair();
  pair.a.mux.close(cause);
  expect(made).toBe(0);
  await expect(pair.a.mux.ping()).rejects.toMatchObject({ code: 'ERR_E2EE_CLOSED' });
  expect(made).toBe(1);
  const streams = [pair.b.open(), pair.b.open()];
  const ping = pair.b.mux.ping();
  pair.b.mux.close(cause);
  await expect(ping).rejects.toMatchObject({ code: 'ERR_E2EE_CLOSED' });
  expect(streams.map(({ port }) => port.isClosed)).toEqual([true, true]);
  expect(made).toBe(2);
});

import { allowAny, type ConnectionStatistics, type SecureStream } from '@sealane/client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CountedStage, DELAY_MS, firstAnswer } from './setting-up/counted-stage.js';
import { ClientStack } from './support/client-stack.js';

/** From the dialer to the owner: over two links. */
const ONE_WAY_MS = 2 * DELAY_MS;
const ROUND_TRIP_MS = 2 * ONE_WAY_MS;
const hello = new TextEncoder().encode('hello');

let stage: CountedStage;
beforeEach(async () => {
  stage = await CountedStage.create();
});
afterEach(() => stage.close());

/** Dials, opens a stream, writes at once: what an application does that wants its first byte there soon. */
async function sayHello(): Promise<SecureStream> {
  const stream = await stage.dialer.openStream(stage.listener.address);
  stream.raw.write(hello);
  return stream;
}

/** Everything that setting up leaves behind is through. */
async function rest(): Promise<void> {
  await stage.pass(1_000);
  stage.forget();
}

test('an unknown keycert costs one question to the relay before the dial, and nothing of the owner', async () => {
  const startedMs = stage.nowMs;
  void sayHello();
  await stage.untilTrue(() => stage.arrivals.length === 1);
  expect(stage.arrivals[0]!.atMs - startedMs).toBe(2 * DELAY_MS + ROUND_TRIP_MS + ONE_WAY_MS);
  expect(stage.sent('dialer', 'client').slice(0, 3)).toEqual([['LOOKUP'], ['OPEN'], ['DATA']]);
  expect(stage.sent('dialer', 'relay')).toEqual([['FOUND'], ['ACCEPT']]);
  expect(stage.sent('owner', 'relay')).toEqual([['OPEN'], ['DATA']]);
  expect(stage.sent('owner', 'client')[0]).toEqual(['ACCEPT']);
});

test('where the keycert is known, a new session is one round trip: the first byte follows it', async () => {
  const before = await stage.until(stage.dialer.dial(stage.listener.address, { fresh: true }));
  await rest();
  const startedMs = stage.nowMs;
  const dialing = stage.dialer.dial(stage.listener.address, { fresh: true });
  void dialing.then((connection) => connection.openStreamNow().raw.write(hello));
  const connection = await stage.until(dialing);
  expect(stage.nowMs - startedMs).toBe(ROUND_TRIP_MS);
  expect(connection).not.toBe(before);
  await stage.untilTrue(() => stage.arrivals.length === 1);
  expect(stage.arrivals[0]!.atMs - startedMs).toBe(ROUND_TRIP_MS + ONE_WAY_MS);
  // Message 1 inside CONNECT, message 2 inside ACCEPT, then the first record: no other message in either direction.
  expect(stage.sent('dialer', 'client')).toEqual([['OPEN'], ['DATA']]);
  expect(stage.sent('dialer', 'relay')).toEqual([['ACCEPT']]);
  expect(stage.sent('owner', 'relay')).toEqual([['OPEN'], ['DATA']]);
  expect(stage.sent('owner', 'client')[0]).toEqual(['ACCEPT']);
  // Another session is no other link.
  expect(stage.links).toBe(0);
});

test('the first OPEN, and what is written with it, is in the record of CONFIRM', async () => {
  void sayHello();
  await stage.untilTrue(() => stage.arrivals.length === 1);
  // The owner has opened one record of this dialer, ever.
  expect(stage.incoming[0]!.statistics).toMatchObject({ recordsReceived: 1, streamsAccepted: 1, bytesReceived: 5 });
  expect(stage.sent('owner', 'relay')).toEqual([['OPEN'], ['DATA']]);
});

test('over real sockets, too, the first OPEN is in the record of CONFIRM', async () => {
  const stack = new ClientStack();
  try {
    const { url } = await stack.relay();
    const owner = await stack.client(url, { use: 'listen' });
    const first = new Promise<ConnectionStatistics>((resolve) => {
      const listening = owner.listen({
        accept: allowAny(),
        acceptStream: () => {
          // Asked while the record that opens the stream is being read.
          for (const { statistics } of owner.connections) resolve(statistics);
          return undefined;
        },
      });
      void listening.then(async ({ address }) => {
        const stream = await (await stack.client(url)).openStream(address);
        stream.raw.write(hello);
      });
    });
    expect((await first).recordsReceived).toBe(1);
  } finally {
    await stack.close();
  }
});

test('streams in a session wait for nothing, and the relay only forwards their bytes', async () => {
  await stage.until(sayHello());
  await rest();
  const before = stage.relay.statistics();
  const startedMs = stage.nowMs;
  const streams = await Promise.all(Array.from({ length: 100 }, sayHello));
  // Nothing was waited for: the clock has not moved, and every stream is in the one session.
  expect(stage.nowMs).toBe(startedMs);
  expect(new Set(streams.map(({ connection }) => connection)).size).toBe(1);
  const answers = streams.map((stream) => firstAnswer(stage, stream));
  await stage.untilTrue(() => stage.arrivals.length === 100);
  expect(new Set(stage.arrivals.map(({ atMs }) => atMs - startedMs))).toEqual(new Set([ONE_WAY_MS]));
  const answeredMs = await stage.until(Promise.all(answers));
  expect(new Set(answeredMs.map((ms) => ms - startedMs))).toEqual(new Set([ROUND_TRIP_MS]));
  for (const stream of streams) stream.abort();
  await stage.pass(1_000);
  // No control message, no opening and no end of a stream on any link: frames of the one relayed stream, passed on.
  expect(new Set(stage.passed.flatMap(({ frames }) => frames))).toEqual(new Set(['DATA']));
  expect(stage.relayEvents).toEqual([]);
  expect(stage.relay.statistics()).toEqual({ ...before, relayedBytes: expect.any(Number) });
  expect(stage.links).toBe(0);
});

test('an opening that is held back leaves with the first bytes, in their record, or when it is told to', async () => {
  const { connection } = await stage.until(sayHello());
  await rest();
  const before = connection.statistics.recordsSent;
  const held = connection.openStreamNow({}, true);
  const silent = connection.openStreamNow({}, true);
  await stage.pass(1_000);
  expect([connection.statistics.recordsSent - before, stage.sent('dialer', 'client')]).toEqual([0, []]);
  held.raw.write(hello);
  await stage.untilTrue(() => stage.arrivals.length === 1);
  expect([connection.statistics.recordsSent - before, stage.incoming[0]!.statistics.streamsAccepted]).toEqual([1, 2]);
  silent.sendOpen();
  await stage.untilTrue(() => stage.incoming[0]!.statistics.streamsAccepted === 3);
});

import type { SecureStream } from '@sealane/client';
import { ResetCode } from '@sealane/types';
import { beforeEach, describe, expect, it } from 'vitest';
import { Asker, flood, Label, PacedStage } from './support/paced-stage.js';

/** One largest record, and what its frames and a control frame beside it add. */
const RECORD_BYTES = 67_000;
/** What a client lets wait at its socket, and the record that goes above it. */
const CLIENT_QUEUE_BYTES = 131_072 + RECORD_BYTES;
const RELAY_QUEUE_BYTES = 262_144 + RECORD_BYTES;
/** The dialers' links are faster than the owners', so that what they send waits at the relay as well. */
const DIALER_BYTES_PER_MS = 32_768;
const OWNER_BYTES_PER_MS = 16_384;
const WARM_UP_MS = 150;
const RUN_MS = 300;
/** What an asker sends and gets, in all layers. */
const ASK_BYTES = 160;

/** Milliseconds in which an owner's link takes a full queue of the relay, and one record before the question. */
const atOwnerMs = (RELAY_QUEUE_BYTES + RECORD_BYTES) / OWNER_BYTES_PER_MS;
/** The same for a dialer's link. */
const atDialerMs = (CLIENT_QUEUE_BYTES + RECORD_BYTES) / DIALER_BYTES_PER_MS;

/** Inside one session: the dialer's queue, and what the window of the bulk stream lets be on its way behind it. */
const inSessionMs = atDialerMs + (262_144 + 100 * ASK_BYTES) / OWNER_BYTES_PER_MS;

let stage: PacedStage;
beforeEach(async () => {
  stage = await PacedStage.create();
});

/** Askers of one stream each, whose questions are spread over their pause. */
function ask(streams: readonly SecureStream[], pauseMs = 20): Asker[] {
  return streams.map((stream, index) => new Asker(stage.clock, stream, (index * pauseMs) / streams.length, pauseMs));
}

/** Nobody ever waited longer, and everybody was answered so often. */
function expectAnswers(askers: readonly Asker[], longestMs: number, times: number): void {
  expect(askers.flatMap(({ error }) => (error === undefined ? [] : [error.code]))).toEqual([]);
  expect(Math.max(...askers.map((asker) => asker.longestMs))).toBeLessThanOrEqual(longestMs);
  expect(Math.min(...askers.map(({ waitedMs }) => waitedMs.length))).toBeGreaterThanOrEqual(times);
}

describe('what waits before a question, in bytes of full queues and one record of each other session', () => {
  it('1 bulk stream and 100 interactive ones inside one session', async () => {
    const listener = await stage.owner(OWNER_BYTES_PER_MS);
    const client = await stage.client(DIALER_BYTES_PER_MS);
    const bulk = await stage.open(client, listener, Label.SINK);
    const streams: SecureStream[] = [];
    for (let index = 0; index < 100; index++) streams.push(await stage.open(client, listener, Label.ECHO));
    expect(client.connections.size).toBe(1);
    flood(bulk);
    await stage.run(WARM_UP_MS);
    const before = bulk.connection.statistics.bytesSent;
    const askers = ask(streams);
    await stage.run(RUN_MS);
    expectAnswers(askers, inSessionMs, 3);
    // And the bulk stream has the rest of the link.
    expect(bulk.connection.statistics.bytesSent - before).toBeGreaterThan(RUN_MS * OWNER_BYTES_PER_MS * 0.9);
  });

  it('the same as separate sessions over one WebSocket', async () => {
    const listeners = [];
    for (let index = 0; index < 10; index++) listeners.push(await stage.owner(OWNER_BYTES_PER_MS));
    const client = await stage.client(DIALER_BYTES_PER_MS);
    const bulk: SecureStream[] = [];
    const streams: SecureStream[] = [];
    // Ten owners, since one takes 16 sessions of an identity; the dialer's link is what they share, and it is full.
    for (const listener of listeners) {
      if (bulk.length < 3) bulk.push(await stage.openAlone(client, listener, Label.SINK));
      for (let index = 0; index < 10; index++) streams.push(await stage.openAlone(client, listener, Label.ECHO));
    }
    for (const stream of bulk) flood(stream);
    await stage.run(WARM_UP_MS);
    const askers = ask(streams);
    await stage.run(RUN_MS);
    // Each bulk session may have one record before a question.
    const othersMs = ((bulk.length - 1) * RECORD_BYTES) / DIALER_BYTES_PER_MS;
    expectAnswers(askers, atDialerMs + othersMs + atOwnerMs + (100 * ASK_BYTES) / OWNER_BYTES_PER_MS, 3);
    const sent = bulk.map(({ connection }) => connection.statistics.bytesSent);
    expect(Math.max(...sent) - Math.min(...sent)).toBeLessThan(12 * RECORD_BYTES);
  });

  it('one reader that never reads among 1,000 streams of one session', async () => {
    const listener = await stage.owner(OWNER_BYTES_PER_MS);
    const client = await stage.client(DIALER_BYTES_PER_MS);
    const stalled = await stage.open(client, listener, Label.STALL);
    const streams: SecureStream[] = [];
    for (let index = 0; index < 999; index++) streams.push(await stage.open(client, listener, Label.ECHO));
    expect(client.connections.size).toBe(1);
    flood(stalled);
    await stage.run(WARM_UP_MS);
    const askers = ask(streams, 100);
    await stage.run(300);
    // It has used up its window: before them is nothing but what others ask in the same millisecond.
    expectAnswers(askers, 1, 2);
    expect(stalled.raw.queuedBytes).toBeGreaterThan(0);
    expect(stalled.connection.statistics.bytesSent).toBeLessThan(262_144 + 999 * 3 * 64 + RECORD_BYTES);
  });

  it('one client at full speed, with 16 sessions, beside 100 others', async () => {
    const listener = await stage.owner(OWNER_BYTES_PER_MS);
    const greedy = await stage.client(DIALER_BYTES_PER_MS);
    for (let index = 0; index < 16; index++) flood(await stage.openAlone(greedy, listener, Label.SINK));
    const streams: SecureStream[] = [];
    for (let index = 0; index < 100; index++) {
      streams.push(await stage.open(await stage.client(DIALER_BYTES_PER_MS), listener, Label.ECHO));
    }
    await stage.run(WARM_UP_MS);
    const askers = ask(streams);
    await stage.run(RUN_MS);
    expectAnswers(askers, atOwnerMs + (100 * ASK_BYTES) / OWNER_BYTES_PER_MS + 1, 3);
  });

  it('streams that are opened and reset without end, beside 100 interactive ones and a bulk one in their session', async () => {
    const listener = await stage.owner(OWNER_BYTES_PER_MS);
    const client = await stage.client(DIALER_BYTES_PER_MS);
    const bulk = await stage.open(client, listener, Label.SINK);
    const streams: SecureStream[] = [];
    for (let index = 0; index < 100; index++) streams.push(await stage.open(client, listener, Label.ECHO));
    flood(bulk);
    let resets = 0;
    let storming = true;
    const storm = (): void => {
      if (!storming) return;
      for (let count = 0; count < 20 && bulk.connection.freeStreams > 0; count++) {
        const stream = bulk.connection.openStreamNow({ label: Label.ECHO });
        // Half of them when they were answered, and half before that.
        const reset = (): void => {
          stream.raw.reset(ResetCode.CANCELLED);
          resets++;
        };
        stream.raw.attach({ onData: reset, onReset: () => undefined });
        stream.raw.write(Uint8Array.of(1));
        if (count % 2 === 0) stage.clock.schedule(1, reset);
      }
      stage.clock.schedule(1, storm);
    };
    storm();
    await stage.run(WARM_UP_MS);
    const askers = ask(streams);
    await stage.run(RUN_MS);
    storming = false;
    expect(resets).toBeGreaterThan(500);
    // In each millisecond 20 of them, at most 160 bytes and a reset each.
    const stormBytes = 20 * 200;
    const share = 1 / (1 - stormBytes / OWNER_BYTES_PER_MS);
    expectAnswers(askers, inSessionMs * share, 3);
    expect(bulk.connection.isOpen).toBe(true);
  });
});

import { RelayClient } from '@sealane/client';
import { exchange, isLongRun, seededChunks, seededSha256, type Target } from '@sealane/testkit';
import { expect, test } from 'vitest';
import { Pulse, startPulseServer } from './support/pulse.js';
import { carriedSessions, relayInUse } from './support/relay-in-use.js';
import { RelayStage } from './support/relay-stage.js';
import { reportPauses } from './support/report-pauses.js';
import type { StandingRelay } from './support/standing-relay.js';

const drainMs = 5_000;
const streams = 200;
/** Of the streams, those that carry as much as they can. */
const bulkStreams = 20;
const bulkBytes = 256 << 10;

/** 200 connections: most of them say a little now and then, some echo files one after the other until told to stop. */
class Busy implements AsyncDisposable {
  readonly #pulses: readonly Pulse[];
  readonly #bulk: readonly Promise<void>[];
  transfers = 0;
  #isStopping = false;

  private constructor(target: Target, pulses: readonly Pulse[]) {
    this.#pulses = pulses;
    this.#bulk = Array.from({ length: bulkStreams }, (_, index) => this.#transferAll(target, 1_000 * index));
    for (const bulk of this.#bulk) bulk.catch(() => undefined);
  }

  static async start(target: Target): Promise<Busy> {
    const starts = Array.from({ length: streams - bulkStreams }, () => Pulse.start(target, 250));
    const pulses = await Promise.all(starts);
    return new Busy(target, pulses);
  }

  async pauseSince(sinceMs: number): Promise<number[]> {
    return await Promise.all(this.#pulses.map((pulse) => pulse.pauseSince(sinceMs)));
  }

  /** Rejects when a byte was lost, doubled or changed, or a connection ended otherwise than in order. */
  async finish(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#bulk);
    await Promise.all(this.#pulses.map((pulse) => pulse.finish()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#pulses.map((pulse) => pulse[Symbol.asyncDispose]()));
  }

  async #transferAll(target: Target, firstSeed: number): Promise<void> {
    for (let seed = firstSeed; !this.#isStopping; seed++) {
      const echoed = await exchange(target, seededChunks(seed, bulkBytes));
      expect(echoed).toEqual({ bytes: bulkBytes, sha256: seededSha256(seed, bulkBytes), end: 'fin' });
      this.transfers++;
    }
  }
}

/** SIGTERM; the milliseconds until it is gone. */
async function terminate({ process }: StandingRelay): Promise<number> {
  const startedMs = performance.now();
  expect(await process.stop('SIGTERM', 30_000)).toEqual({ code: 0, signal: null });
  return performance.now() - startedMs;
}

test(`SIGTERM of a relay under ${streams} busy streams: they move to the second relay before it ends, and none fails`, async () => {
  await using backend = await startPulseServer();
  await using stage = await RelayStage.start(backend.port, { relays: 2 });
  await using busy = await Busy.start(stage.target);
  const { used, others } = await relayInUse(stage);
  const termMs = performance.now();
  const goneMs = await terminate(used);
  // All that it carried had left it of its own accord.
  expect(carriedSessions(used)).toBe(0);
  await expect.poll(() => carriedSessions(others[0]!)).toBeGreaterThan(0);
  const pauses = await busy.pauseSince(termMs);
  await busy.finish();
  expect(stage.resets).toEqual([]);
  expect(stage.resumed.length).toBeGreaterThanOrEqual(2);
  reportPauses('SIGTERM -> the relay is gone', [goneMs]);
  reportPauses('pauses of 200 streams at GOAWAY (250 ms between two numbers)', pauses);
  reportPauses(
    'time without a path',
    stage.resumed.map(({ gapMs }) => Number(gapMs)),
  );
  expect(goneMs).toBeLessThan(drainMs);
});

test(`a rolling restart of two relays under ${streams} busy streams fails none`, async () => {
  await using backend = await startPulseServer();
  await using stage = await RelayStage.start(backend.port, { relays: 2 });
  await using busy = await Busy.start(stage.target);
  const gone: number[] = [];
  const pauses: number[] = [];
  for (let round = 0; round < 2; round++) {
    for (const relay of stage.relays) {
      const termMs = performance.now();
      gone.push(await terminate(relay));
      await relay.restart();
      await relay.process.waitFor('lease', undefined, { timeoutMs: 60_000 });
      pauses.push(Math.max(...(await busy.pauseSince(termMs))));
    }
  }
  await busy.finish();
  expect(stage.resets).toEqual([]);
  expect(busy.transfers).toBeGreaterThan(bulkStreams);
  reportPauses('rolling restart: SIGTERM -> the relay is gone', gone);
  reportPauses('rolling restart: longest pause of 200 streams (250 ms between two numbers)', pauses);
  expect(Math.max(...gone)).toBeLessThan(drainMs);
});

test.runIf(isLongRun())(
  `the only relay stopped and started again twice under ${streams} busy streams fails none`,
  async () => {
    await using backend = await startPulseServer();
    await using stage = await RelayStage.start(backend.port);
    await using busy = await Busy.start(stage.target);
    const pauses: number[] = [];
    for (let round = 0; round < 2; round++) {
      // With nowhere to go the sessions stay until its drain time is over.
      await terminate(stage.relay);
      const listeningMs = await stage.relay.restart();
      pauses.push(Math.max(...(await busy.pauseSince(listeningMs))));
    }
    await busy.finish();
    expect(stage.resets).toEqual([]);
    expect(busy.transfers).toBeGreaterThan(bulkStreams);
    reportPauses('the only relay restarted: it listens -> longest pause of 200 streams', pauses);
  },
);

test('a relay that says goodbye spreads the return of its clients over seconds', async () => {
  await using backend = await startPulseServer();
  // The session of connect has nowhere to go.
  await using stage = await RelayStage.start(backend.port, { relayArgs: ['--drain', '1'] });
  const waits: number[] = [];
  const clients = await Promise.all(
    Array.from({ length: 24 }, () =>
      RelayClient.connect(stage.relay.url, {
        onStatus: (event) => {
          if (event.type === 'link' && event.state === 'waiting') waits.push(event.retryInMs);
        },
      }),
    ),
  );
  await terminate(stage.relay);
  await expect.poll(() => waits.length).toBeGreaterThanOrEqual(clients.length);
  await Promise.all(clients.map((client) => client.close({ deadlineMs: 0 })));
  const first = waits.slice(0, clients.length).sort((a, b) => a - b);
  reportPauses('wait before the return after GOAWAY', first);
  expect(first.at(-1)! - first[0]!).toBeGreaterThan(500);
  expect(new Set(first).size).toBeGreaterThan(clients.length / 2);
});

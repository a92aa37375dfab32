import { FaultyWire, isLongRun } from '@sealane/testkit';
import { expect, test } from 'vitest';
import { Pulse, startPulseServer } from './support/pulse.js';
import { RelayStage } from './support/relay-stage.js';
import { reportPauses } from './support/report-pauses.js';

/** Longer than a tick may be late, shorter than the minute after which a session is given up. */
const standsStillMs = isLongRun() ? 45_000 : 9_000;
const streams = 8;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test.concurrent.for([
  { who: 'expose', stopped: ['expose'] },
  { who: 'connect', stopped: ['connect'] },
  { who: 'expose and connect', stopped: ['expose', 'connect'] },
])(
  `all streams survive when $who stand still for ${standsStillMs / 1_000} s`,
  { timeout: 240_000 },
  async ({ who, stopped }, { expect }) => {
    await using backend = await startPulseServer();
    await using stage = await RelayStage.start(backend.port);
    const pulses = await Promise.all(Array.from({ length: streams }, () => Pulse.start(stage.target, 50)));
    const processes = stopped.map((name) => (name === 'expose' ? stage.owner : stage.dialer));
    for (const process of processes) process.signal('SIGSTOP');
    await sleep(standsStillMs);
    const continuedMs = performance.now();
    for (const process of processes) process.signal('SIGCONT');
    const pauses = await Promise.all(pulses.map((pulse) => pulse.pauseSince(continuedMs)));
    await Promise.all(pulses.map((pulse) => pulse.finish()));
    expect(stage.resets).toEqual([]);
    // Who stood still has left its links: what was on its way then is not waited for.
    for (const process of processes) {
      const interrupted = process.events.filter(({ event, state }) => event === 'session' && state === 'interrupted');
      expect(interrupted.length, process.label).toBeGreaterThanOrEqual(1);
    }
    reportPauses(`SIGCONT of ${who} after ${standsStillMs} ms -> next byte`, pauses);
    expect(Math.max(...pauses)).toBeLessThan(15_000);
  },
);

test.concurrent('links that are cut again and again, and come back from other ports, lose no stream', async () => {
  await using backend = await startPulseServer();
  const wires: FaultyWire[] = [];
  const behindWire = async (port: number): Promise<string> => {
    const wire = await FaultyWire.start({ port });
    wires.push(wire);
    return `ws://127.0.0.1:${wire.port}`;
  };
  await using stage = await RelayStage.start(backend.port, {
    ownerUrls: async ([relay]) => [await behindWire(relay!.port)],
    dialerUrls: async ([relay]) => [await behindWire(relay!.port)],
  });
  await using pulse = await Pulse.start(stage.target);
  const pauses: number[] = [];
  for (let round = 0; round < 6; round++) {
    await sleep(200 + Math.random() * 300);
    const cutMs = performance.now();
    // Of the owner, of the dialer, and of both at once.
    for (const [index, wire] of wires.entries()) if (round % 3 !== index) wire.cutAll();
    pauses.push(await pulse.pauseSince(cutMs));
  }
  await pulse.finish();
  expect(stage.resets).toEqual([]);
  reportPauses('links cut -> next byte', pauses);
  expect(Math.max(...pauses)).toBeLessThan(10_000);
  await Promise.all(wires.map((wire) => wire.close()));
});

test.concurrent('a network that carries nothing for a while, without a word to either side, costs the time and no byte', async () => {
  await using backend = await startPulseServer();
  let wire: FaultyWire | undefined;
  await using stage = await RelayStage.start(backend.port, {
    dialerUrls: async ([relay]) => {
      wire = await FaultyWire.start({ port: relay!.port });
      return [`ws://127.0.0.1:${wire.port}`];
    },
  });
  await using pulse = await Pulse.start(stage.target);
  wire!.stall(true);
  // The link is dead for the dialer after 3 s; what it tries then hangs as well.
  await stage.dialer.waitFor('session', ({ state }) => state === 'interrupted');
  await sleep(1_000);
  // A new network: what hung is gone, and late bytes with it.
  wire!.stall(false);
  wire!.cutAll();
  const backMs = performance.now();
  const pauseMs = await pulse.pauseSince(backMs);
  await pulse.finish();
  expect(stage.resets).toEqual([]);
  reportPauses('the network is back -> next byte', [pauseMs]);
  expect(pauseMs).toBeLessThan(10_000);
  await wire!.close();
});

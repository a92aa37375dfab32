import { connectTo, isLongRun } from '@sealane/testkit';
import { expect, test } from 'vitest';
import { Pulse, startPulseServer } from './support/pulse.js';
import { relayInUse } from './support/relay-in-use.js';
import { RelayStage } from './support/relay-stage.js';
import { reportPauses } from './support/report-pauses.js';

const rounds = isLongRun() ? 10 : 3;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test.concurrent('with two relays a connection goes on over the other one when the one in use is killed', async () => {
  await using backend = await startPulseServer();
  await using stage = await RelayStage.start(backend.port, { relays: 2 });
  await using pulse = await Pulse.start(stage.target);
  const pauses: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { used } = await relayInUse(stage);
    await sleep(500 + Math.random() * 500);
    const killedMs = performance.now();
    await used.kill();
    pauses.push(await pulse.pauseSince(killedMs));
    await used.restart();
    // The owner comes back to it, and it is the other one for the next round.
    await used.process.waitFor('lease');
  }
  await pulse.finish();
  expect(stage.resets).toEqual([]);
  reportPauses('two relays, the one in use killed -> next byte', pauses);
  // The goal is 1.5 s on a machine of its own.
  expect(Math.max(...pauses)).toBeLessThan(6_000);
});

test.concurrent('a relay that stands still with data outstanding is left for the other one', async () => {
  await using backend = await startPulseServer();
  await using stage = await RelayStage.start(backend.port, { relays: 2 });
  await using pulse = await Pulse.start(stage.target);
  const pauses: number[] = [];
  for (let round = 0; round < (isLongRun() ? 3 : 1); round++) {
    const { used } = await relayInUse(stage);
    await sleep(1_000);
    const stoppedMs = performance.now();
    used.process.signal('SIGSTOP');
    pauses.push(await pulse.pauseSince(stoppedMs));
    used.process.signal('SIGCONT');
    // What it had in its hands comes late and must not disturb anything.
    await sleep(1_000);
    await pulse.next();
  }
  await pulse.finish();
  expect(stage.resets).toEqual([]);
  reportPauses('two relays, the one in use stands still under data -> next byte', pauses);
  // Noticed within 3 s.
  expect(Math.max(...pauses)).toBeLessThan(9_000);
});

test.concurrent('a relay that stands still while nothing is said is noticed by both sides, and the next byte finds the other one', async () => {
  await using backend = await startPulseServer();
  await using stage = await RelayStage.start(backend.port, { relays: 2 });
  const socket = await connectTo(stage.target);
  const echo = async (text: string): Promise<void> => {
    socket.write(text);
    const [answer] = await new Promise<[Buffer]>((resolve) => socket.once('data', (chunk: Buffer) => resolve([chunk])));
    expect(String(answer)).toBe(text);
  };
  await echo('before');
  const { used } = await relayInUse(stage);
  // Nothing is on its way any more.
  await sleep(1_500);
  const from = stage.dialer.events.length;
  const stoppedMs = performance.now();
  used.process.signal('SIGSTOP');
  await stage.dialer.waitFor('session', ({ state }) => state === 'resumed', { from });
  const noticedMs = performance.now() - stoppedMs;
  await echo('after');
  used.process.signal('SIGCONT');
  socket.destroy();
  reportPauses('two relays, the one in use stands still while idle -> resumed elsewhere', [noticedMs]);
  expect(noticedMs).toBeLessThan(20_000);
});

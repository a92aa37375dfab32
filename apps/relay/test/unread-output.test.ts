import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startProcess, stopAllProcesses } from '@sealane/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HostileClient } from './hostile-client.js';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-relay-'));
});

afterEach(async () => {
  await stopAllProcesses();
  await rm(directory, { recursive: true, force: true });
});

/** As long as it may be: it is in the lines. */
const service = 's'.repeat(63);

/** Sessions that are accepted and reset: two lines each. */
async function makeSessions(url: string, count: number): Promise<void> {
  const owner = await HostileClient.connect(url);
  await owner.register({ service });
  owner.acceptsAll = true;
  const dialer = await HostileClient.connect(url);
  for (let made = 0; made < count; made += 100) {
    const streams = Array.from({ length: 100 }, () => dialer.openTo(owner, { service }));
    await dialer.roundTrip();
    await owner.roundTrip();
    await dialer.roundTrip();
    for (const stream of streams) dialer.reset(stream);
    await dialer.roundTrip();
  }
  owner.close();
  dialer.close();
}

/** Links with a lease: four lines each. */
async function makeLeases(url: string, count: number): Promise<void> {
  for (let made = 0; made < count; made += 20) {
    const owners = await Promise.all(Array.from({ length: 20 }, () => HostileClient.connect(url)));
    await Promise.all(owners.map((owner) => owner.register({ service })));
    for (const owner of owners) owner.close();
  }
}

it('drops what nobody reads of its output, and says so when somebody reads again', async () => {
  const relay = startProcess(program, ['--listen', '127.0.0.1:0', '--data-dir', directory, '--json']);
  const { url } = await relay.waitFor('listening');
  relay.child.stdout?.pause();
  // Of each kind 1,000 lines at once and 200 a second are told: a mebibyte of them takes a while.
  await Promise.all([makeLeases(String(url), 1_000), makeSessions(String(url), 900)]);
  await sleep(1_500);
  await Promise.all([makeLeases(String(url), 300), makeSessions(String(url), 500)]);
  const client = await HostileClient.connect(String(url));
  expect(await client.register({})).toBe('REGISTERED');
  expect(relay.peakMemoryBytes()).toBeLessThan(200 << 20);
  relay.child.stdout?.resume();
  // The line that follows the first one that is written again.
  await expect
    .poll(async () => {
      await client.register({});
      return relay.events.filter(({ event }) => event === 'dropped').length;
    })
    .toBe(1);
  expect(relay.events.find(({ event }) => event === 'dropped')?.['count']).toBeGreaterThan(100);
});

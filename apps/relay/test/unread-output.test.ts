import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** Connections that are accepted and reset: two lines of the relay's log each. */
async function makeLines(url: string, sessions: number): Promise<void> {
  const owner = await HostileClient.connect(url);
  await owner.register({});
  owner.acceptsAll = true;
  const dialer = await HostileClient.connect(url);
  for (let count = 0; count < sessions; count += 100) {
    const streams = Array.from({ length: 100 }, () => dialer.openTo(owner));
    await dialer.roundTrip();
    await owner.roundTrip();
    await dialer.roundTrip();
    for (const stream of streams) dialer.reset(stream);
    await dialer.roundTrip();
  }
  owner.close();
  dialer.close();
}

it('drops what nobody reads of its output, and says so when somebody reads again', async () => {
  const relay = startProcess(program, ['--listen', '127.0.0.1:0', '--data-dir', directory, '--json']);
  const { url } = await relay.waitFor('listening');
  relay.child.stdout?.pause();
  for (let pair = 0; pair < 7; pair++) await makeLines(String(url), 900);
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

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProcess, stopAllProcesses, type TestProcess } from '@sealane/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HostileClient } from './hostile-client.js';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
let directory: string;
let relay: TestProcess;
let url: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-relay-'));
  relay = startProcess(program, ['--listen', '127.0.0.1:0', '--data-dir', directory, '--json']);
  url = String((await relay.waitFor('listening'))['url']);
});

afterEach(async () => {
  await stopAllProcesses();
  await rm(directory, { recursive: true, force: true });
});

const MIB = 1_048_576;
/** What packages/server/README.md promises for the default limits. */
const BOUND_BYTES = 512 * MIB;

/** The relay still lets a client in and gives it a lease; and its memory never was above the bound. */
async function expectServingWithinBound(): Promise<void> {
  const owner = await HostileClient.connect(url);
  expect(await owner.register({})).toBe('REGISTERED');
  owner.close();
  const peakBytes = relay.peakMemoryBytes();
  if (process.env['SEALANE_LONG'] !== undefined) process.stderr.write(`peak ${Math.round(peakBytes / MIB)} MiB\n`);
  expect(peakBytes).toBeLessThan(BOUND_BYTES);
  expect(relay.hasExited).toBe(false);
}

describe('the memory of a relay under authenticated clients', () => {
  it('stays bounded when DATA of one byte each goes to an owner that never answers', async () => {
    const owner = await HostileClient.connect(url);
    expect(await owner.register({})).toBe('REGISTERED');
    const dialer = await HostileClient.connect(url);
    for (let stream = 0; stream < 24; stream++) {
      const id = dialer.openTo(owner);
      for (let batch = 0; batch < 6; batch++) await dialer.write(dialer.tinyData(id, 21_800));
    }
    await dialer.roundTrip();
    await expectServingWithinBound();
  });

  it('stays bounded when messages come byte by byte and never become whole', async () => {
    const clients = await Promise.all(Array.from({ length: 100 }, () => HostileClient.connect(url)));
    for (const client of clients) client.startMessage(262_000);
    for (let round = 0; round < 2_000; round++) {
      for (const client of clients) client.socket.write(new Uint8Array(1));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expectServingWithinBound();
  });

  it('drops the sockets that stand still when unfinished messages are half of its budget', async () => {
    const clients: HostileClient[] = [];
    for (let index = 0; index < 700; index++) {
      const client = await HostileClient.connect(url);
      client.startMessage(262_000);
      client.socket.write(new Uint8Array(240_000));
      clients.push(client);
    }
    await expectServingWithinBound();
    await expect.poll(() => clients.filter(({ isClosed }) => isClosed).length).toBeGreaterThan(100);
    expect(clients[0]?.isClosed).toBe(true);
    expect(relay.stdout).toContain('the relay is short of memory and the socket stood still');
  });

  it('stays bounded when each message holds one frame for nobody and much that is ignored', async () => {
    const owners = await Promise.all(Array.from({ length: 8 }, () => HostileClient.connect(url)));
    for (const owner of owners) expect(await owner.register({})).toBe('REGISTERED');
    for (const owner of owners) {
      const dialer = await HostileClient.connect(url);
      for (let stream = 0; stream < 120; stream++) {
        const id = dialer.openTo(owner);
        const message = Buffer.concat([dialer.data(id, 65_500), ...dialer.ignored(196_000)]);
        for (let part = 0; part < 4; part++) await dialer.write(message);
      }
      await dialer.roundTrip();
    }
    await expectServingWithinBound();
  });

  it('stays bounded when requests with large first messages wait for owners that do not read', async () => {
    const owners = await Promise.all(Array.from({ length: 80 }, () => HostileClient.connect(url)));
    for (const owner of owners) {
      await Promise.all(Array.from({ length: 8 }, (_, service) => owner.register({ service: `s${service}` })));
    }
    const dialers = await Promise.all(owners.map(() => HostileClient.connect(url)));
    for (const [index, owner] of owners.entries()) {
      owner.socket.pause();
      for (let count = 0; count < 960; count++) {
        dialers[index]?.openTo(owner, { service: `s${count % 8}`, message1: new Uint8Array(4_096) });
      }
      await dialers[index]?.roundTrip();
    }
    await expectServingWithinBound();
  });

  it('stays bounded when leases are as large as they may be', async () => {
    const clients = await Promise.all(Array.from({ length: 100 }, () => HostileClient.connect(url)));
    for (let service = 0; service < 16; service++) {
      const metadata = new Uint8Array(4_096);
      await Promise.all(clients.map((client) => client.register({ service: `s${service}`, metadata })));
    }
    await expectServingWithinBound();
  });

  it('stays bounded when nobody reads', async () => {
    const owners: HostileClient[] = [];
    for (let index = 0; index < 40; index++) {
      const owner = await HostileClient.connect(url);
      await owner.register({});
      owner.acceptsAll = true;
      owners.push(owner);
    }
    const dialers = await Promise.all(owners.map(() => HostileClient.connect(url)));
    for (const [index, dialer] of dialers.entries()) {
      const owner = owners[index] ?? dialer;
      const ids = Array.from({ length: 32 }, () => dialer.openTo(owner));
      await dialer.roundTrip();
      await owner.roundTrip();
      owner.socket.pause();
      for (const id of ids) {
        for (let part = 0; part < 4; part++) await dialer.write(dialer.data(id, 65_000));
      }
    }
    for (const dialer of dialers) await dialer.roundTrip();
    await expectServingWithinBound();
  });
});

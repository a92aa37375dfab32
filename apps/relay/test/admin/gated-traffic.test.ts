import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Credential } from '@sealane/crypto/credential';
import { MessageKind } from '@sealane/types';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RelayDatabase } from '../../src/database/relay-database.js';
import { HostileClient } from '../hostile-client.js';
import { AdminStage } from './admin-stage.js';

/** What the relay has before each change, so that there is something to lower. */
const BASE = {
  'limits.bytesPerIdentityPerDay': 1_073_741_824,
  'limits.bytesPerAddressPerDay': 1_073_741_824,
  'limits.bytesPerLeasePerDay': 1_073_741_824,
  'limits.newSocketsPerAddressPerSecond': 1_000,
};
const FLOOD = 40;
const BULK_BYTES = 262_144;
const NAME = 'quite-a-long-name';

let stage: AdminStage;
let file: string;
/** Names are kept for whom they belonged to. */
let somebody: Credential;
let sequence = 0;

beforeAll(async () => {
  stage = await AdminStage.create();
  somebody = await Credential.create();
  file = join(stage.directory, 'relay.yaml');
  await write({});
  await stage.restart('--config', file, '--limit-loopback');
});
afterAll(async () => {
  await stage.close();
});

async function write(changes: Readonly<Record<string, unknown>>): Promise<void> {
  const lines = Object.entries({ ...BASE, ...changes }).map(([path, value]) => {
    const [group, name] = path.split('.');
    return [group, `  ${name}: ${JSON.stringify(value)}\n`] as const;
  });
  const groups = new Set(lines.map(([group]) => group));
  const text = [...groups].map(
    (group) =>
      `${group}:\n${lines
        .filter(([of]) => of === group)
        .map(([, line]) => line)
        .join('')}`,
  );
  await writeFile(file, text.join(''));
}

async function count(what: string): Promise<number> {
  const { json } = await stage.ask('GET', '/api/v1/relay');
  return (json as { statistics: Record<string, number> }).statistics[what] ?? -1;
}

async function leases(): Promise<number> {
  const { json } = await stage.ask('GET', '/api/v1/leases');
  return (json as { items: readonly unknown[] }).items.length;
}

async function hangUp(path: string, value: unknown): Promise<void> {
  stage.process.signal('SIGHUP');
  const valueNow = async () => ((await stage.ask('GET', `/api/v1/settings/${path}`)).json as { value: unknown }).value;
  await expect.poll(valueNow, { timeout: 30_000, interval: 10 }).toEqual(value);
}

async function stored(work: (database: RelayDatabase) => void): Promise<void> {
  await using database = await RelayDatabase.open(stage.dataDir, { isShared: true });
  work(database);
  await database.durable();
}

interface Way {
  readonly set: (path: string, value: number | string | readonly string[]) => Promise<void>;
  readonly unset: (path: string) => Promise<void>;
}

/** Each way in which an operator changes a setting of a relay that runs. */
const ways: Readonly<Record<string, Way>> = {
  'the admin API': {
    set: async (path, value) => {
      expect((await stage.ask('PUT', `/api/v1/settings/${path}`, { body: { value } })).status).toBe(200);
    },
    unset: async (path) => {
      expect((await stage.ask('DELETE', `/api/v1/settings/${path}`)).status).toBe(200);
    },
  },
  'the database beside it, and SIGHUP': {
    set: async (path, value) => {
      await stored((database) => database.settings.set(path, value as number, 'test'));
      await hangUp(path, value);
    },
    unset: async (path) => {
      const { default: before } = (await stage.ask('GET', `/api/v1/settings/${path}`)).json as { default: unknown };
      await stored((database) => database.settings.unset(path));
      await hangUp(path, BASE[path as keyof typeof BASE] ?? before);
    },
  },
  'the file, and SIGHUP': {
    set: async (path, value) => {
      await write({ [path]: value });
      await hangUp(path, value);
    },
    unset: async (path) => {
      const { default: before } = (await stage.ask('GET', `/api/v1/settings/${path}`)).json as { default: unknown };
      await write({});
      await hangUp(path, BASE[path as keyof typeof BASE] ?? before);
    },
  },
};

/** An owner with two leases, a dialer, two sessions between them, the second the newer one; and bytes in the first. */
class Traffic {
  readonly owner: HostileClient;
  readonly dialer: HostileClient;
  readonly streams: readonly number[];
  /** Another link of the owner. */
  second: HostileClient | undefined;

  private constructor(owner: HostileClient, dialer: HostileClient, streams: readonly number[]) {
    this.owner = owner;
    this.dialer = dialer;
    this.streams = streams;
  }

  static async start(credential = somebody, longName: string | null = NAME): Promise<Traffic> {
    const owner = await HostileClient.connect(stage.relayUrl, credential);
    owner.acceptsAll = true;
    for (const [service, name] of [
      ['a', null],
      ['b', longName],
    ] as const) {
      const register = () => owner.register({ service, name, sequence: ++sequence, metadata: new Uint8Array(100) });
      // Somebody who registers again and again is told to wait: the rates have to recover from the test before.
      await expect.poll(register, { timeout: 30_000, interval: 50 }).toBe('REGISTERED');
    }
    const dialer = await HostileClient.connect(stage.relayUrl);
    const streams = [dialer.openTo(owner, { service: 'a' }), dialer.openTo(owner, { service: 'a' })];
    await expect.poll(() => count('sessions'), { timeout: 30_000, interval: 10 }).toBe(2);
    const traffic = new Traffic(owner, dialer, streams);
    await traffic.send(1_000);
    await expect.poll(() => count('relayedBytes'), { timeout: 30_000, interval: 10 }).toBeGreaterThan(0);
    return traffic;
  }

  async send(bytes: number): Promise<void> {
    for (let left = bytes; left > 0; left -= 65_536) {
      await this.dialer.write(this.dialer.data(this.streams[0] ?? 0, Math.min(left, 65_536)));
    }
    await this.dialer.roundTrip();
  }

  async stop(): Promise<void> {
    for (const client of [this.owner, this.dialer, this.second]) client?.close();
    await Promise.all([this.owner.closed, this.dialer.closed]);
    await expect.poll(() => count('sockets'), { timeout: 30_000, interval: 10 }).toBe(0);
  }
}

const sessions = (left: number) => async () => {
  await expect.poll(() => count('sessions'), { timeout: 30_000, interval: 10 }).toBe(left);
};
const newestLeaseGoes = async ({ owner }: Traffic) => {
  await owner.closed;
  expect(owner.errors).toHaveLength(1);
  // The other one is there again with its owner's next link.
  expect(await leases()).toBe(0);
};

interface Rule {
  readonly path: string;
  readonly value: number | string | readonly string[];
  /** What has become of it, or becomes in a moment. */
  readonly gated: (traffic: Traffic) => Promise<void> | undefined;
  readonly before?: (traffic: Traffic) => Promise<void>;
}

const rules: readonly Rule[] = [
  { path: 'limits.maxSockets', value: 1, gated: ({ dialer }) => dialer.closed },
  { path: 'limits.socketsPerAddress', value: 1, gated: ({ dialer }) => dialer.closed },
  { path: 'limits.leasesPerIdentity', value: 1, gated: newestLeaseGoes },
  { path: 'limits.leasesPerAddress', value: 1, gated: newestLeaseGoes },
  { path: 'limits.maxMetadataBytes', value: 50, gated: newestLeaseGoes },
  { path: 'limits.nameMaxLength', value: 5, gated: newestLeaseGoes },
  { path: 'names.reserved', value: ['quite-*'], gated: newestLeaseGoes },
  { path: 'limits.sessionsPerIdentity', value: 1, gated: sessions(1) },
  { path: 'limits.sessionsPerAddress', value: 1, gated: sessions(1) },
  { path: 'limits.sessionsPerLease', value: 1, gated: sessions(1) },
  { path: 'limits.bytesPerIdentityPerDay', value: 500, gated: sessions(0) },
  { path: 'limits.bytesPerAddressPerDay', value: 500, gated: sessions(0) },
  { path: 'limits.bytesPerLeasePerDay', value: 500, gated: sessions(0) },
  { path: 'limits.linksPerIdentity', value: 1, before: secondLink, gated: ({ second }) => second?.closed },
  { path: 'limits.connectsPerIdentityPerSecond', value: 1, gated: crowded },
  { path: 'limits.connectsPerAddressPerSecond', value: 1, gated: crowded },
  { path: 'limits.connectsPerLeasePerSecond', value: 1, gated: crowded },
  { path: 'limits.requestsPerLinkPerSecond', value: 1, gated: flooded },
  { path: 'limits.requestsPerIdentityPerSecond', value: 1, gated: flooded },
  { path: 'limits.requestsPerAddressPerSecond', value: 1, gated: flooded },
  { path: 'limits.bytesFromIdentityPerSecond', value: 16_384, gated: paced },
  { path: 'limits.bytesToAddressPerSecond', value: 16_384, gated: paced },
  { path: 'limits.bytesToLeasePerSecond', value: 16_384, gated: paced },
  { path: 'admission.require', value: ['approval'], gated: ({ owner }) => owner.closed },
];

async function secondLink(traffic: Traffic): Promise<void> {
  traffic.second = await HostileClient.connect(stage.relayUrl, somebody);
}

async function refusedAsBusy(): Promise<number> {
  const { json } = await stage.ask('GET', '/api/v1/relay');
  return (json as { statistics: { refusals: { BUSY?: number } } }).statistics.refusals.BUSY ?? 0;
}

/** Of many questions at once most are refused with BUSY. */
async function flooded({ dialer }: Traffic): Promise<void> {
  const before = await refusedAsBusy();
  for (let request = 1_000; request < 1_000 + FLOOD; request++) {
    dialer.send({ kind: MessageKind.LOOKUP, request, name: 'nobody', id: null, service: '' });
  }
  await dialer.roundTrip();
  expect((await refusedAsBusy()) - before).toBeGreaterThan(FLOOD / 2);
}

/** The same of requests for connections. */
async function crowded({ dialer, owner }: Traffic): Promise<void> {
  const before = await refusedAsBusy();
  for (let opened = 0; opened < FLOOD; opened++) dialer.openTo(owner, { service: 'a' });
  await dialer.roundTrip();
  expect((await refusedAsBusy()) - before).toBeGreaterThan(FLOOD / 2);
}

/** What was read is not all passed on. */
async function paced(traffic: Traffic): Promise<void> {
  const before = await count('relayedBytes');
  await traffic.send(BULK_BYTES - 1_000);
  expect((await count('relayedBytes')) - before).toBeLessThan(BULK_BYTES - 1_000);
}

describe.each(Object.entries(ways))('a rule that is changed by %s', (_, way) => {
  it.each(rules)(
    'acts at once on what is open: $path',
    async ({ path, value, before, gated }) => {
      const traffic = await Traffic.start();
      await before?.(traffic);
      const sent = await count('relayedBytes');
      await way.set(path, value);
      await gated(traffic);
      await way.unset(path);
      // What was held back is not lost.
      if (gated === paced) {
        await expect
          .poll(async () => (await count('relayedBytes')) - sent, { timeout: 30_000 })
          .toBe(BULK_BYTES - 1_000);
      }
      await traffic.stop();
    },
    90_000,
  );
});

describe('a ban and a denial', () => {
  it.each(['id', 'name', 'address', 'network'] as const)(
    'of an %s: what is open ends, nobody comes back, the admin API goes on',
    async (kind) => {
      const traffic = await Traffic.start();
      const { id } = traffic.owner.credential;
      const value = { id, name: NAME, address: '127.0.0.1', network: '127.0.0.0/30' }[kind];
      expect((await stage.ask('POST', '/api/v1/bans', { body: { kind, value } })).status).toBe(201);
      expect(await count('sessions')).toBe(0);
      await traffic.owner.closed;
      const back = await HostileClient.tryConnect(stage.relayUrl, traffic.owner.credential);
      if (kind === 'name')
        expect(await back?.register({ name: value, service: 'b', sequence: ++sequence })).toMatch(/^refused/);
      else expect(back).toBeUndefined();
      back?.close();
      await stage.ask('DELETE', `/api/v1/bans/${kind}/${encodeURIComponent(value)}`);
      await traffic.stop();
    },
    90_000,
  );

  it('of an approval: its lease and its sessions end, and it does not come back', async () => {
    const credential = await Credential.create();
    await stage.ask('PUT', `/api/v1/approvals/${credential.id}`, { body: { state: 'approved' } });
    await ways['the admin API']?.set('admission.require', ['approval']);
    const owner = await HostileClient.connect(stage.relayUrl, credential);
    owner.acceptsAll = true;
    expect(await owner.register({ sequence: ++sequence })).toBe('REGISTERED');
    const dialer = await HostileClient.connect(stage.relayUrl);
    dialer.openTo(owner);
    await sessions(1)();
    await stage.ask('PUT', `/api/v1/approvals/${credential.id}`, { body: { state: 'denied', reason: 'no' } });
    expect([await count('sessions'), await leases()]).toEqual([0, 0]);
    await owner.closed;
    const back = await HostileClient.connect(stage.relayUrl, credential);
    expect(await back.register({ sequence: ++sequence })).toMatch(/^refused/);
    for (const client of [back, dialer]) client.close();
    await ways['the admin API']?.unset('admission.require');
  }, 90_000);

  it('of nobody: a session and leases that an operator ends by hand do not come back by themselves, others do', async () => {
    const traffic = await Traffic.start(await Credential.create(), null);
    const { id } = traffic.owner.credential;
    const { items } = (await stage.ask('GET', '/api/v1/sessions')).json as { items: readonly { session: number }[] };
    expect((await stage.ask('DELETE', `/api/v1/sessions/${items[1]?.session}`)).status).toBe(204);
    expect(await count('sessions')).toBe(1);
    await traffic.dialer.roundTrip();
    expect((await stage.ask('DELETE', `/api/v1/leases/${id}?service=a`)).status).toBe(204);
    expect([await count('sessions'), await leases()]).toEqual([0, 0]);
    await traffic.owner.closed;
    const back = await HostileClient.connect(stage.relayUrl, traffic.owner.credential);
    expect(await back.register({ service: 'a', sequence: ++sequence })).toMatch(/^refused/);
    expect(await back.register({ service: 'b', sequence: ++sequence })).toBe('REGISTERED');
    back.close();
    const { items: audit } = (await stage.ask('GET', '/api/v1/audit?limit=2')).json as { items: readonly object[] };
    expect(audit).toMatchObject([
      { action: 'lease.end', subject: `${id}/a` },
      { action: 'session.end', subject: String(items[1]?.session) },
    ]);
    await traffic.stop();
  }, 90_000);
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopAllProcesses } from '@sealane/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AccessTokens } from '../src/admin/access-tokens.js';
import { RelayDatabase } from '../src/database/relay-database.js';
import { metricDefinitions } from '../src/observability/metric-definitions.js';
import { HostileClient } from './hostile-client.js';
import { type RunningRelay, startRelay } from './relay-process.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-relay-'));
});
afterEach(async () => {
  await stopAllProcesses();
  await rm(directory, { recursive: true, force: true });
});

interface Watched extends RunningRelay {
  /** Asks the admin listener; `token`: as the operator. */
  ask(path: string, token?: string): Promise<{ readonly status: number; readonly type: string; readonly text: string }>;
}

async function watched(...args: string[]): Promise<Watched> {
  const relay = await startRelay(directory, '--admin-listen', '127.0.0.1:0', ...args);
  const { admin } = await relay.process.waitFor('listening');
  return {
    ...relay,
    async ask(path, token) {
      const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
      const response = await fetch(`${admin}${path}`, { headers });
      const type = response.headers.get('content-type') ?? '';
      return { status: response.status, type, text: await response.text() };
    },
  };
}

const until = { timeout: 20_000, interval: 50 };

/** `name{labels}` and value of every sample. */
function samplesOf(page: string): ReadonlyMap<string, number> {
  const lines = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

describe('/healthz and /readyz', () => {
  it('say ready without a token, and not ready while the relay drains; the process is well all the time', async () => {
    const relay = await watched('--drain', '60');
    const owner = await HostileClient.connect(relay.url);
    owner.acceptsAll = true;
    await owner.register({});
    const dialer = await HostileClient.connect(relay.url);
    dialer.openTo(owner);
    await relay.process.waitFor('session-open');
    expect(await relay.ask('/readyz')).toMatchObject({ status: 200, text: '{"ready":true,"reasons":[]}' });
    relay.process.signal('SIGTERM');
    await expect
      .poll(() => relay.ask('/readyz'), until)
      .toMatchObject({ status: 503, text: '{"ready":false,"reasons":["draining"]}' });
    expect(await relay.ask('/healthz')).toMatchObject({ status: 200, text: '{"status":"ok"}' });
    dialer.close();
    owner.close();
    expect(await relay.process.exited).toEqual({ code: 0, signal: null });
  });

  it('say not ready while the memory budget is nearly taken, and ready again', async () => {
    const relay = await watched('--set', 'limits.memoryBudgetBytes=8MiB');
    const owner = await HostileClient.connect(relay.url);
    await owner.register({});
    const dialer = await HostileClient.connect(relay.url);
    const streams = Array.from({ length: 100 }, () => dialer.openTo(owner));
    await dialer.roundTrip();
    // What comes before the owner's answer waits in the relay.
    for (const stream of streams) await dialer.write(dialer.data(stream, 65_000));
    await expect
      .poll(() => relay.ask('/readyz'), until)
      .toMatchObject({ status: 503, text: '{"ready":false,"reasons":["memory"]}' });
    const token = (await readFile(join(directory, 'admin-token'), 'utf8')).trim();
    const samples = samplesOf((await relay.ask('/metrics', token)).text);
    expect(samples.get('sealane_relay_ready')).toBe(0);
    expect(samples.get('sealane_relay_memory_budget_limit_bytes')).toBe(8 << 20);
    expect(samples.get('sealane_relay_queue_length{queue="owner"}')).toBe(100);
    dialer.close();
    await expect.poll(() => relay.ask('/readyz'), until).toMatchObject({ status: 200 });
    owner.close();
  });

  it('say not ready while all sockets are taken', async () => {
    const relay = await watched('--set', 'limits.maxSockets=2');
    const clients = [await HostileClient.connect(relay.url), await HostileClient.connect(relay.url)];
    expect(await relay.ask('/readyz')).toMatchObject({ status: 503, text: '{"ready":false,"reasons":["sockets"]}' });
    for (const client of clients) client.close();
    await expect.poll(() => relay.ask('/readyz'), until).toMatchObject({ status: 200 });
  });
});

describe('/metrics', () => {
  it('needs a token of the role read unless metrics.open is set, also while the relay serves', async () => {
    const config = join(directory, 'relay.yaml');
    await writeFile(config, 'metrics:\n  open: false\n');
    const database = await RelayDatabase.open(directory);
    const terms = { role: 'read', label: 'prometheus', expiresAt: null, createdBy: 'test' } as const;
    const token = new AccessTokens(database).create(terms).text;
    await database.close();
    const relay = await watched('--config', config);
    expect(await relay.ask('/metrics')).toMatchObject({ status: 401 });
    const page = await relay.ask('/metrics', token);
    expect(page).toMatchObject({ status: 200, type: expect.stringMatching(/^text\/plain; version=0\.0\.4/) });
    await writeFile(config, 'metrics:\n  open: true\n');
    relay.process.signal('SIGHUP');
    await relay.process.waitFor('reloaded');
    expect(await relay.ask('/metrics')).toMatchObject({ status: 200 });
    // Nothing else opens with it.
    expect(await relay.ask('/api/v1/relay')).toMatchObject({ status: 401 });
  });

  it('has every metric of the list and no other, and neither ids nor names of clients', async () => {
    const relay = await watched('--set', 'metrics.open=true');
    const owner = await HostileClient.connect(relay.url);
    owner.acceptsAll = true;
    await owner.register({ name: 'name-of-the-owner', service: 'service-of-it' });
    const dialer = await HostileClient.connect(relay.url);
    dialer.openTo(owner);
    await dialer.roundTrip();
    const { text } = await relay.ask('/metrics');
    const named = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]);
    expect(named).toEqual(metricDefinitions.map(({ name, type }) => [name, type]));
    for (const { name, help } of metricDefinitions) expect(text).toContain(`# HELP ${name} ${help}`);
    const samples = samplesOf(text);
    expect(samples.get('sealane_relay_links')).toBe(2);
    expect(samples.get('sealane_relay_leases')).toBe(1);
    const labels = new Set([...text.matchAll(/[{,](\w+)="/g)].map(([, label]) => label));
    const allowed = metricDefinitions.flatMap((metric) => metric.labels);
    expect([...labels].filter((label) => label !== 'le' && !allowed.includes(label ?? ''))).toEqual([]);
    for (const id of [owner.credential.id, dialer.credential.id, relay.id]) expect(text).not.toContain(id);
    for (const name of ['name-of-the-owner', 'service-of-it']) expect(text).not.toContain(name);
    owner.close();
    dialer.close();
  });
});

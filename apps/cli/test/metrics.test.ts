import { randomInt } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import {
  exchange,
  requireProgram,
  runProcess,
  startEchoServer,
  startProcess,
  stopAllProcesses,
  type TestProcess,
  type TestServer,
} from '@sealane/testkit';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { World } from './world.js';

let echo: TestServer;
let world: World;

beforeAll(async () => {
  echo = await startEchoServer();
  world = await World.create(['--admin-listen', '127.0.0.1:0']);
});
afterAll(async () => {
  await stopAllProcesses();
  await world.dispose();
  await echo.close();
});

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
}

interface Answer {
  readonly status: string;
  readonly data?: { readonly result: readonly { readonly value: readonly [number, string] }[] };
  readonly error?: string;
}

const dashboardFile = new URL('../../relay/grafana/sealane-relay.json', import.meta.url);

/** A Prometheus that reads the relay with the token, at a port of this machine. */
async function startPrometheus(program: string, admin: string, token: string): Promise<string> {
  const [config, tokenFile, data] = ['prometheus.yml', 'scrape-token', 'prometheus'].map((name) =>
    world.owner.file(name),
  ) as [string, string, string];
  await writeFile(tokenFile, token, { mode: 0o600 });
  const target = new URL(admin).host;
  await writeFile(
    config,
    `global: { scrape_interval: 500ms }
scrape_configs:
  - job_name: sealane
    authorization: { credentials_file: ${tokenFile} }
    static_configs: [{ targets: ['${target}'] }]
`,
  );
  for (let attempt = 0; attempt < 20; attempt++) {
    const port = randomInt(10_000, 32_000);
    const args = [`--config.file=${config}`, `--storage.tsdb.path=${data}`, `--web.listen-address=127.0.0.1:${port}`];
    const [first = '', ...rest] = args;
    const server: TestProcess = startProcess(first, rest, { command: program, events: 'none' });
    const isUp = await vi.waitUntil(
      () => (server.hasExited ? 'no' : /ready to receive web requests/.test(server.stderr) && 'yes'),
      { timeout: 60_000, interval: 50 },
    );
    if (isUp === 'yes') return `http://127.0.0.1:${port}`;
    if (!/address already in use/.test(server.stderr)) throw new Error(`prometheus did not start: ${server.stderr}`);
  }
  throw new Error('prometheus found no free port');
}

it("Debian's prometheus reads a relay with traffic, and has an answer to every query of the dashboard", async (context) => {
  const prometheus = requireProgram(context, 'prometheus');
  const promtool = requireProgram(context, 'promtool');
  const { admin } = await world.relay.waitFor('listening');
  const dataDir = world.owner.file('relay');
  const made = await world.relayCommand(['admin', '--data-dir', dataDir, 'token', 'new', '--role', 'read']);
  const token = made.stdout.trim();
  const url = await startPrometheus(prometheus, String(admin), token);
  const ask = async (query: string): Promise<Answer> => {
    const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`);
    return (await response.json()) as Answer;
  };
  // What happens before the first scrape is no rate.
  await expect
    .poll(async () => (await ask('sealane_relay_info')).data?.result.length, { timeout: 60_000, interval: 100 })
    .toBe(1);

  const { address } = await world.expose(echo.port);
  const { port } = await world.connect(address);
  const refuse = async (): Promise<void> => {
    await (await fetch(world.relayUrl.replace('ws:', 'http:'))).arrayBuffer();
  };
  await refuse();
  const dashboard = JSON.parse(await readFile(dashboardFile, 'utf8')) as { readonly panels: readonly Panel[] };
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  const waiting = new Map<string, string>();
  for (const { title, targets = [] } of panels) {
    expect(targets.length, title).toBeGreaterThan(0);
    for (const { expr } of targets) waiting.set(`${title}: ${expr}`, substituted(expr));
  }
  expect(waiting.size).toBeGreaterThan(50);
  await expect
    .poll(
      async () => {
        await refuse();
        await exchange({ port }, [Buffer.from('bytes each way')]);
        for (const [name, query] of waiting) {
          const { status, data, error } = await ask(query);
          if (status !== 'success') throw new Error(`${name}: ${error}`);
          const values = data?.result.map(({ value }) => Number(value[1])) ?? [];
          if (values.length > 0 && values.every((value) => Number.isFinite(value))) waiting.delete(name);
        }
        return [...waiting.keys()];
      },
      { timeout: 60_000, interval: 300 },
    )
    .toEqual([]);

  const page = await fetch(`${admin}/metrics`, { headers: { Authorization: `Bearer ${token}` } });
  const pageFile = world.owner.file('metrics.txt');
  await writeFile(pageFile, await page.text());
  const checked = await runProcess('-c', [`${promtool} check metrics <${pageFile}`], { command: '/bin/sh' });
  expect([checked.code, checked.stdout + checked.stderr]).toEqual([0, '']);
});

/** As Grafana does with everything chosen; what is looked at begins after the first scrape. */
function substituted(expr: string): string {
  const query = expr.replaceAll('$__rate_interval', '60s').replaceAll('$job', '.*').replaceAll('$instance', '.*');
  expect(query).not.toContain('$');
  return query;
}

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { judgeGoals } from '../goals.mjs';
import { drawCharts, toMarkdown, writePage, writeResults } from '../report.mjs';

const even = (median) => ({ median, low: median, high: median });

function row(name, unit, ratios, failures = 0) {
  const paths = Object.entries({ floor: 1, ...ratios }).map(([path, ratio]) => {
    return [path, { ...even(100 * ratio), ratio: even(ratio), failures, rounds: [] }];
  });
  const sealaneTo = Object.entries({ floor: 1, ...ratios }).map(([path, ratio]) => [
    path,
    even(ratios.sealane / ratio),
  ]);
  return { name, unit, paths: Object.fromEntries(paths), sealaneTo: Object.fromEntries(sealaneTo) };
}

const results = () => ({
  run: {
    node: '20',
    cores: 2,
    rounds: 11,
    sliceMs: 700,
    date: '2026-01-01',
    seconds: 600,
    baseline: 'floor',
    failures: [{ part: 'start-up', error: 'relay ended with 1' }],
  },
  peers: [
    { name: 'floor', description: 'plain', version: '1' },
    { name: 'spiped', description: 'in C', missing: 'spiped is not installed' },
  ],
  rows: [
    row('bulk up, 1 stream', 'MB/s', { sealane: 0.8, ssh: 0.4 }),
    row('bulk down, 1 stream', 'MB/s', { sealane: 0.6, ssh: 0.2 }),
    row('bulk up, 16 streams', 'MB/s', { sealane: 0.75, ssh: 0.25 }, 3),
    row('bulk down, 16 streams', 'MB/s', { sealane: 0.9, ssh: 0.25 }),
  ],
  memory: [
    {
      what: 'idle session',
      path: 'sealane',
      process: 'middle',
      points: [
        [1_000, 60e6],
        [6_000, 90e6],
      ],
      slopes: [6_000],
      slope: 6_000,
    },
    {
      what: 'idle tunnelled connection',
      path: 'sealane',
      process: 'owner side',
      points: [[1_000, 1e6]],
      slopes: [20_480, 10_240, 30_720],
      slope: 20_480,
    },
    {
      what: 'idle tunnelled connection',
      path: 'sealane',
      process: 'dialer side',
      points: [[1_000, 1e6]],
      slopes: [1_024],
      slope: 1_024,
    },
  ],
});

describe('goals', () => {
  const goalOf = (what) => judgeGoals(results()).find((goal) => goal.what.startsWith(what));

  test('bulk is judged by its worse direction, and a peer by the worst of all', () => {
    expect(goalOf('bulk, 1 stream')).toMatchObject({ value: 0.6, isReached: false });
    expect(goalOf('bulk, 1 stream').toLimit).toBeCloseTo(0.6 / 0.7);
    expect(goalOf('bulk, 16 streams')).toMatchObject({ value: 0.75, isReached: true });
    expect(goalOf('bulk against ssh')).toMatchObject({ value: 2, isReached: true });
  });

  test('memory of two processes is judged by the larger one', () => {
    expect(goalOf('dialer or owner memory')).toMatchObject({ value: 20, isReached: false, toLimit: 1.25 });
    expect(goalOf('relay memory per idle session')).toMatchObject({ isReached: true });
  });

  test('what was not measured is neither reached nor missed', () => {
    for (const what of ['bulk against libp2p', 'request-response p50', 'relay memory with 10,000', 'client for the']) {
      expect(goalOf(what), what).toBeDefined();
      expect(goalOf(what).isReached, what).toBeUndefined();
    }
  });

  test('relay memory with fewer clients than the goal names is no answer to it', () => {
    const judged = (clients) =>
      judgeGoals({ ...results(), relayWithMany: { clients, bytes: 2 ** 20 } }).find(({ what }) => /10,000/.test(what));
    expect(judged(400).isReached).toBeUndefined();
    expect(judged(10_000)).toMatchObject({ value: 1, isReached: true });
  });
});

describe('report', () => {
  let directory;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sealane-report-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  test('a missing peer, parts and connections that failed, and goals that were missed are told', () => {
    const text = toMarkdown({ ...results(), goals: judgeGoals(results()) });
    expect(text).toContain('**Failed**: start-up: relay ended with 1');
    expect(text).toContain('| spiped | in C | **missing**: spiped is not installed |');
    expect(text).toContain('| bulk up, 16 streams, MB/s | 100 (3 failed) | 75.00 (3 failed) | 25.00 (3 failed) |');
    expect(text).toContain('| bulk down, 1 stream | 0.60 (0.60 to 0.60) | 0.20 (0.20 to 0.20) |');
    expect(text).toContain('| idle tunnelled connection | sealane | 1.00 |  | 20.00 (10.00 to 30.00) | 1,000, 1,000 |');
    expect(text).toMatch(/bulk, 1 stream, .* \| at least 0.7 \| 0.60 \| \*\*not reached\*\*, 14 % below it \|/);
  });

  test('a page keeps what stands around the markers', () => {
    const page = join(directory, 'page.md');
    const around = (content) =>
      `before\n<!-- measured: written by pnpm bench -->\n${content}<!-- end of measured -->\nafter\n`;
    writeFileSync(page, around('old\n'));
    writePage(page, results());
    const text = readFileSync(page, 'utf8');
    expect(text).toMatch(/^before\n/);
    expect(text).toMatch(/\nafter\n$/);
    expect(text).toContain('](benchmarks/ratios.svg)');
    expect(text).not.toContain('old\n');
    writeFileSync(page, 'no markers');
    expect(() => writePage(page, results())).toThrow(/no markers/);
  });

  test('a run leaves its figures and a chart for each kind of them', () => {
    writeResults(directory, results());
    expect(readdirSync(directory).sort()).toEqual(['latest.json', 'memory.svg', 'ratios.svg']);
    expect(JSON.parse(readFileSync(join(directory, 'latest.json'), 'utf8'))).toEqual(results());
  });

  test('a run of one part draws what it has', () => {
    const { run, memory } = results();
    expect(Object.keys(drawCharts({ run, memory }))).toEqual(['memory.svg']);
    expect(Object.keys(drawCharts({ run, rows: [] }))).toEqual([]);
  });
});

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess, stopAllProcesses, type TestProcess } from '@sealane/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { root } from './guides/guide.js';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sealane-bench-test-'));
});
afterAll(async () => {
  await stopAllProcesses();
  rmSync(directory, { recursive: true, force: true });
});

/** A benchmark whose temporary files go to a directory of its own. */
function startBench(temporary: string, ...args: readonly string[]): TestProcess {
  mkdirSync(temporary);
  const options = { events: 'none', env: { TMPDIR: temporary }, label: 'bench' } as const;
  return startProcess(join(root, 'bench/run.mjs'), ['--quick', '--rounds', '1', ...args], options);
}

/** The other processes of its group: everything that it started. */
function startedBy(leader: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(leader));
  return pids.map(Number).filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]) === leader;
    } catch {
      return false;
    }
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('the benchmark measures both paths, writes what it found, and leaves nothing behind', async () => {
  const [temporary, output] = [join(directory, 'tmp-whole'), join(directory, 'output')];
  const parts = '^(bulk up, 1 stream|new sessions.*|memory of.*|start-up)$';
  await using bench = startBench(temporary, '--peers', 'sealane', '--only', parts, '--output', output);
  expect(await bench.exited, bench.stderr).toMatchObject({ code: 0 });
  const results = JSON.parse(readFileSync(join(output, 'latest.json'), 'utf8'));
  expect(results.rows.map(({ name }: { name: string }) => name)).toEqual([
    'bulk up, 1 stream',
    'new sessions, 16 at once',
  ]);
  for (const { paths } of results.rows) {
    expect(Object.keys(paths)).toEqual(['floor', 'sealane']);
    for (const path of ['floor', 'sealane']) {
      // On a busy machine a slice may see nothing; that a path carries is asked before.
      expect(paths[path].rounds).toHaveLength(1);
      expect(paths[path].failures).toBe(0);
    }
  }
  expect(results.run.failures).toEqual([]);
  // Of the floor, of Sealane, and of sessions: three processes each.
  expect(results.memory).toHaveLength(9);
  expect(results.startUp).toHaveLength(5);
  expect(readFileSync(join(output, 'ratios.svg'), 'utf8')).toMatch(/^<svg /);
  expect(readdirSync(temporary)).toEqual([]);
});

test.runIf(process.env['SEALANE_LONG'] === '1')(
  'every part of the benchmark runs, beside every peer or its reason',
  async () => {
    const [temporary, output] = [join(directory, 'tmp-all'), join(directory, 'output-all')];
    await using bench = startBench(temporary, '--output', output);
    expect(await bench.exited, bench.stderr).toMatchObject({ code: 0 });
    const results = JSON.parse(readFileSync(join(output, 'latest.json'), 'utf8'));
    const peers: readonly { readonly name: string; readonly version?: string; readonly missing?: string }[] =
      results.peers;
    expect(peers.map(({ name }) => name)).toEqual(['floor', 'sealane', 'stunnel', 'ssh', 'spiped', 'libp2p']);
    for (const { version, missing } of peers) expect(version ?? missing).toBeTruthy();
    expect(results.rows).toHaveLength(10);
    expect(results.growth).toHaveLength(3);
    expect(readdirSync(temporary)).toEqual([]);
  },
  600_000,
);

test.runIf(process.env['SEALANE_LONG'] === '1')(
  'every rung of the ladder carries bytes and is measured beside the floor',
  async () => {
    const [temporary, output] = [join(directory, 'tmp-ladder'), join(directory, 'ladder.json')];
    mkdirSync(temporary);
    const args = ['--rounds', '1', '--only', '1 stream', '--output', output];
    const options = { events: 'none', env: { TMPDIR: temporary }, label: 'ladder' } as const;
    await using ladder = startProcess(join(root, 'bench/ladder.mjs'), args, options);
    expect(await ladder.exited, ladder.stderr).toMatchObject({ code: 0 });
    const { rows, cpu } = JSON.parse(readFileSync(output, 'utf8'));
    const names = ['floor', 'records', 'frames', 'both', 'muxes', 'session', 'packages', 'programs'];
    for (const { paths } of rows) expect(Object.keys(paths)).toEqual(names);
    expect(Object.keys(cpu)).toEqual(names);
    expect(readdirSync(temporary)).toEqual([]);
  },
  600_000,
);

test('Ctrl-C ends every process of the benchmark and removes its files', async () => {
  const temporary = join(directory, 'tmp-interrupted');
  await using bench = startBench(temporary, '--peers', 'sealane', '--only', 'bulk');
  await vi.waitUntil(() => bench.stdout.includes('alive: floor, sealane') || bench.hasExited, { timeout: 60_000 });
  const pids = startedBy(bench.pid);
  // Backend, load generator, three forwarders, relay, owner, dialer, and the dialer of sessions.
  expect(pids).toHaveLength(9);
  bench.child.kill('SIGINT');
  expect(await bench.exited).toMatchObject({ code: 1 });
  await vi.waitUntil(() => !pids.some(isAlive), { timeout: 20_000 });
  expect(readdirSync(temporary)).toEqual([]);
});

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
  const parts = '^(bulk up, 1 stream|new sessions.*|start-up)$';
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
      expect(paths[path].median).toBeGreaterThan(0);
      expect(paths[path].failures).toBe(0);
    }
  }
  expect(results.startUp).toHaveLength(5);
  expect(readFileSync(join(output, 'ratios.svg'), 'utf8')).toMatch(/^<svg /);
  expect(readdirSync(temporary)).toEqual([]);
});

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

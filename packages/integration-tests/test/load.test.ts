import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLongRun, requireLongRun, startProcess, stopAllProcesses } from '@sealane/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from './guides/guide.js';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sealane-load-test-'));
});
afterAll(async () => {
  await stopAllProcesses();
  rmSync(directory, { recursive: true, force: true });
});

/** Its last line and what it wrote; temporary files go to a directory of its own. */
async function runLoad(name: string, ...args: readonly string[]) {
  const temporary = join(directory, `tmp-${name}`);
  mkdirSync(temporary);
  const options = { events: 'none', env: { TMPDIR: temporary }, label: `load ${name}` } as const;
  const out = join(directory, 'out');
  await using load = startProcess(
    join(root, 'packages/integration-tests/load/load.mjs'),
    [name, '--out', out, ...args],
    options,
  );
  const { code } = await load.exited;
  expect([code, load.stderr], load.stdout).toEqual([0, '']);
  return JSON.parse(readFileSync(join(out, `${name}.json`), 'utf8'));
}

const timeout = isLongRun() ? 3_600_000 : 170_000;

test('floods of every kind leave honest traffic its bytes, and the relay its memory', { timeout }, async () => {
  const { rows, refusals } = await runLoad('floods', '--quick');
  expect(rows).toHaveLength(16);
  for (const { what, attemptsPerSecond } of rows) expect(attemptsPerSecond, what).toBeGreaterThan(0);
  expect(refusals.NEW_SOCKETS_PER_ADDRESS).toBeGreaterThan(0);
});

test('18,000 idle clients of three processes keep their leases while others are served', {
  timeout,
}, async (context) => {
  requireLongRun(context);
  const { idle, filesBefore, filesAfter } = await runLoad('sockets');
  expect(idle).toMatchObject({ held: 18_000, lost: 0 });
  expect(filesAfter).toBeLessThanOrEqual(filesBefore);
});

test('a relay at load keeps its memory, its handles and its files', { timeout }, async (context) => {
  requireLongRun(context);
  const { samples, totals, growth } = await runLoad('steady', '--quick');
  expect(samples.length).toBeGreaterThan(2);
  expect(totals.attempts).toBeGreaterThan(0);
  expect(growth.files.last).toBeLessThanOrEqual(growth.files.first + 2);
  expect(readFileSync(join(directory, 'out/steady.svg'), 'utf8')).toContain('<svg');
});

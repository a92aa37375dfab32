import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isLongRun, startProcess, stopAllProcesses, type TestProcess } from '@sealane/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { relayFile, startRelay } from '../three-processes.js';

const processes = isLongRun() ? 4 : 1;
const clientsOfProcess = isLongRun() ? 500 : 150;
/** Fewer than come back at once, so that most of them wait for their turn or are sent away and come again. */
const relayOptions = ['--set', 'limits.maxUnauthenticated=50'];
const holder = fileURLToPath(new URL('../support/idle-clients.mjs', import.meta.url));
const timeoutMs = 300_000;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sealane-return-'));
});
afterEach(async () => {
  await stopAllProcesses();
  rmSync(directory, { recursive: true, force: true });
});

async function report(process: TestProcess): Promise<Record<string, unknown>> {
  const from = process.events.length;
  process.child.stdin?.write('\n');
  return await process.waitFor('report', undefined, { from, timeoutMs });
}

test(
  `${processes * clientsOfProcess} clients whose relay is killed and started again have all their leases back`,
  async () => {
    const first = startRelay(directory, { relayOptions });
    const url = String((await first.waitFor('listening'))['url']);
    const holders = Array.from({ length: processes }, () => startProcess(holder, [url, String(clientsOfProcess)]));
    for (const each of holders) await each.waitFor('held', undefined, { timeoutMs });
    await first.kill();
    const args = ['--listen', new URL(url).host, '--data-dir', directory, '--json', ...relayOptions];
    const again = startProcess(relayFile, args, { label: 'sealane-relay' });
    await again.waitFor('listening');
    const back = { registered: clientsOfProcess, lost: 0 };
    for (const each of holders) {
      await expect.poll(() => report(each), { timeout: timeoutMs, interval: 500 }).toMatchObject(back);
    }
    expect([again.hasExited, again.stderr]).toEqual([false, '']);
  },
  2 * timeoutMs,
);

import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopAllProcesses, type TestProcess } from '@sealane/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestUser } from './programs.js';

let user: TestUser;
let temporary: string;
beforeAll(async () => {
  user = await TestUser.create();
  temporary = await mkdtemp(join(tmpdir(), 'sealane-demo-test-'));
});
afterAll(async () => {
  await stopAllProcesses();
  await user.dispose();
  await rm(temporary, { recursive: true, force: true });
});

const start = (...args: string[]): TestProcess => user.start(['demo', ...args], { env: { TMPDIR: temporary } });
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
};
const allGone = async (pids: unknown): Promise<void> => {
  await expect.poll(() => (pids as number[]).filter(isAlive), { timeout: 10_000 }).toEqual([]);
};

describe('sealane demo', () => {
  it('shows people what they see beside what the relay sees, and the URL to open', async () => {
    const demo = start('--once');
    expect((await demo.exited).code).toBe(0);
    expect(demo.stdout).toMatch(/Open http:\/\/127\.0\.0\.1:\d+\/ in a browser/);
    expect(demo.stdout).toMatch(/GET \/hello\?word=[0-9a-f]+ HTTP\/1\.1 +\| ([0-9a-f]{2} ){11}/);
    expect(demo.stdout).toMatch(/it was found 0 times/);
    expect(demo.stderr).toBe('');
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('serves a page of live facts through the relay, and SIGTERM ends all of it', async () => {
    const demo = start('--json');
    const ready = await demo.waitFor('ready');
    const exchange = await demo.waitFor('exchange');
    expect(exchange).toMatchObject({ secretWordFoundByRelay: 0 });
    const page = await (await fetch(String(ready['url']))).text();
    expect(page).toContain('What the relay sees');
    const facts = (await (await fetch(`${ready['url']}facts`)).json()) as Record<string, unknown>;
    expect(facts).toMatchObject({ owner: ready['owner'], dialer: ready['dialer'], sessions: 1 });
    expect(existsSync(join(temporary, readdirSync(temporary)[0] ?? '', 'owner.json'))).toBe(true);
    expect(await demo.stop()).toEqual({ code: 0, signal: null });
    await allGone(ready['pids']);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('leaves no process and no file behind when it is killed', async () => {
    const demo = start('--json');
    const ready = await demo.waitFor('ready');
    demo.child.kill('SIGKILL');
    await demo.exited;
    await allGone(ready['pids']);
    await expect.poll(() => readdirSync(temporary), { timeout: 5_000 }).toEqual([]);
  });

  it('fails with one error line when a part of it cannot start', async () => {
    const demo = start('--listen', '203.0.113.1:1');
    expect((await demo.exited).code).toBe(1);
    expect(demo.stderr).toMatch(/^error: the dialer of the demo .* \(ERR_SYSTEM\)$/m);
    expect(readdirSync(temporary)).toEqual([]);
  });
});

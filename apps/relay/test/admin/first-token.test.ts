import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProcess, stopAllProcesses } from '@sealane/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { program, startRelay } from '../relay-process.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-admin-'));
});
afterEach(async () => {
  await stopAllProcesses();
  await rm(directory, { recursive: true, force: true });
});

const fileOf = async (name: string): Promise<string> => (await readFile(join(directory, name), 'utf8')).trim();

async function statusWith(url: string, token: string): Promise<number> {
  const response = await fetch(`${url}/api/v1/relay`, { headers: { Authorization: `Bearer ${token}` } });
  await response.arrayBuffer();
  return response.status;
}

/** As others on this machine may try, so that no token is looked at from here for a while. */
async function tryWrongTokens(url: string): Promise<void> {
  const wrong = Array.from({ length: 12 }, () => statusWith(url, `sealane_admin_${'A'.repeat(43)}`));
  expect((await Promise.all(wrong)).filter((status) => status === 401)).toHaveLength(10);
}

it('the first start makes a token and says where it counts, for its user alone; later ones keep it', async () => {
  const first = await startRelay(directory, '--admin-listen', '127.0.0.1:0');
  const { admin } = await first.process.waitFor('listening');
  const token = await fileOf('admin-token');
  expect(admin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(await fileOf('admin-url')).toBe(admin);
  for (const name of ['admin-token', 'admin-url']) expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
  expect(await statusWith(String(admin), token)).toBe(200);
  await first.process.stop();
  await expect(fileOf('admin-url')).rejects.toThrow(/ENOENT/);
  const second = await startRelay(directory, '--admin-listen', '0');
  const url = String((await second.process.waitFor('listening'))['admin']);
  expect([await fileOf('admin-token'), await statusWith(url, token)]).toEqual([token, 200]);
  await second.process.kill();
  // Who loses the file, or has one of another relay in its place, gets a new one.
  await rm(join(directory, 'admin-token'));
  const third = await startRelay(directory, '--admin-listen', '[::1]:0');
  const other = String((await third.process.waitFor('listening'))['admin']);
  const fresh = await fileOf('admin-token');
  await tryWrongTokens(other);
  expect([await statusWith(other, fresh), fresh === token, other]).toEqual([
    200,
    false,
    expect.stringMatching(/^http:\/\/\[::1\]:\d+$/),
  ]);
  await third.process.stop();
  await writeFile(join(directory, 'admin-token'), `sealane_admin_${'B'.repeat(43)}\n`);
  const fourth = await startRelay(directory, '--admin-listen', '0');
  const last = String((await fourth.process.waitFor('listening'))['admin']);
  await tryWrongTokens(last);
  expect(await statusWith(last, await fileOf('admin-token'))).toBe(200);
});

it('without --admin-listen nothing is served and no token is made', async () => {
  const { process } = await startRelay(directory);
  expect(await process.waitFor('listening')).not.toHaveProperty('admin');
  await expect(fileOf('admin-token')).rejects.toThrow(/ENOENT/);
});

it('an address that others can reach is warned of, one that cannot be used stops the start', async () => {
  const { process } = await startRelay(directory, '--admin-listen', '0.0.0.0:0');
  expect(await process.waitFor('warning', ({ code }) => code === 'ADMIN_PLAIN')).toBeDefined();
  const port = new URL(String((await process.waitFor('listening'))['admin'])).port;
  const other = join(directory, 'other');
  const run = (value: string) =>
    runProcess(program, ['--listen', '127.0.0.1:0', '--data-dir', other, '--admin-listen', value]);
  const taken = await run(`0.0.0.0:${port}`);
  expect([taken.code, taken.stderr]).toEqual([1, expect.stringMatching(/^error: [^\n]*\(ERR_LISTEN\)\n$/)]);
  expect(await run('nonsense')).toMatchObject({ code: 2, stderr: expect.stringMatching(/admin.listen is "nonsense"/) });
});

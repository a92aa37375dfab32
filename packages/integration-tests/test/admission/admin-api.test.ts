import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProcess, stopAllProcesses } from '@sealane/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AdmissionStage, identities, reaches, refusal } from './admission-stage.js';

const program = fileURLToPath(new URL('../../../../apps/relay/dist/main.js', import.meta.url));
let stage: AdmissionStage;
let directory: string;

beforeEach(async () => {
  stage = new AdmissionStage();
  directory = await mkdtemp(join(tmpdir(), 'sealane-admin-'));
});
afterEach(async () => {
  await stage.close();
  await stopAllProcesses();
  await rm(directory, { recursive: true, force: true });
});

/** A relay process, and how its operator asks it over HTTP. */
async function operated(...args: string[]) {
  const process = startProcess(program, [
    ...['--listen', '127.0.0.1:0', '--data-dir', directory, '--admin-listen', '127.0.0.1:0', '--json'],
    ...args,
  ]);
  const { url, admin } = await process.waitFor('listening');
  const token = (await readFile(join(directory, 'admin-token'), 'utf8')).trim();
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${String(admin)}/api/v1/${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect([path, response.ok]).toEqual([path, true]);
    return response.status === 204 ? undefined : await response.json();
  };
  return { url: String(url), ask };
}

it('approve makes a pending lease reachable, deny ends it with the reason, and nobody reached it before', async () => {
  const [owner] = await identities(1);
  const { url, ask } = await operated('--admit', 'approval');
  const waiting = stage.owner(url, owner!, {}, { name: 'blue' });
  const listed = async (state: string): Promise<readonly object[]> =>
    ((await ask('GET', `approvals?state=${state}`)) as { readonly items: readonly object[] }).items;
  await expect.poll(() => listed('pending'), { timeout: 20_000 }).toHaveLength(1);
  expect(await listed('pending')).toMatchObject([{ identity: owner!.id, service: '', name: 'blue', decidedBy: null }]);
  const dialer = await stage.client(url);
  await expect(dialer.dial(owner!.id)).rejects.toThrow(refusal('ERR_RELAY_NO_OWNER'));
  await ask('PUT', `approvals/${owner!.id}`, { state: 'approved' });
  const { listener, told } = await waiting;
  expect(told).toContainEqual(expect.objectContaining({ state: 'pending' }));
  await reaches(dialer, owner!.id);
  await dialer.openStream(owner!.id);
  await ask('PUT', `approvals/${owner!.id}`, { state: 'denied', reason: 'spam' });
  await expect(listener.closed).rejects.toThrow(refusal('ERR_RELAY_DENIED', /denied this: spam/));
  const relay = (await ask('GET', 'relay')) as { readonly statistics: { readonly sessions: number } };
  expect(relay.statistics.sessions).toBe(0);
});

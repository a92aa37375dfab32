import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProcess, stopAllProcesses, type TestProcess } from '@sealane/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Attackers } from './attacks/attack.js';
import { memoryAttacks } from './attacks/memory-attacks.js';
import { notePeak } from './attacks/peaks.js';
import { HostileClient } from './hostile-client.js';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
let directory: string;
let relay: TestProcess;
let url: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-relay-'));
  relay = startProcess(program, ['--listen', '127.0.0.1:0', '--data-dir', directory, '--json']);
  url = String((await relay.waitFor('listening'))['url']);
});

afterEach(async () => {
  await stopAllProcesses();
  await rm(directory, { recursive: true, force: true });
});

/** What packages/server/README.md promises for the default limits. */
const BOUND_BYTES = 512 << 20;

describe('the memory of a relay', { timeout: 120_000 }, () => {
  it.each(memoryAttacks)('stays under its bound, and the relay serves, under $name', async (attack) => {
    const attackers = new Attackers(url);
    await attack.run(attackers);
    // The relay still lets a client in and gives it a lease.
    const owner = await HostileClient.connect(url);
    expect(await owner.register({})).toBe('REGISTERED');
    for (const refusal of attack.refusals) await relay.waitFor('refused', ({ code }) => code === refusal);
    const peakBytes = relay.peakMemoryBytes();
    notePeak(attack, peakBytes);
    expect(peakBytes).toBeLessThan(BOUND_BYTES);
    expect([relay.hasExited, relay.stderr]).toEqual([false, '']);
    owner.close();
    attackers.stop();
  });
});

import { fileURLToPath } from 'node:url';
import {
  exchange,
  isLongRun,
  seededChunks,
  seededSha256,
  startProcess,
  stopAllProcesses,
  type TestProcess,
} from '@sealane/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Attackers } from '../../../apps/relay/test/attacks/attack.js';
import { floodAttacks } from '../../../apps/relay/test/attacks/flood-attacks.js';
import { memoryAttacks } from '../../../apps/relay/test/attacks/memory-attacks.js';
import { notePeak } from '../../../apps/relay/test/attacks/peaks.js';
import { ThreeProcesses } from './three-processes.js';

/** What packages/server/README.md promises for the default limits. */
const BOUND_BYTES = 512 << 20;
const TOGETHER_MS = isLongRun() ? 120_000 : 12_000;

let three: ThreeProcesses;
let traffic: TestProcess;
let attackers: Attackers;

/** Starts relay, owner, dialer and their traffic. */
async function start(): Promise<void> {
  await stopAllProcesses();
  traffic = startProcess(fileURLToPath(new URL('support/honest-traffic.mjs', import.meta.url)));
  const { port } = await traffic.waitFor('backend');
  three = await ThreeProcesses.start(`127.0.0.1:${port}`);
  const { target } = three;
  traffic.child.stdin?.write(`${'port' in target ? target.port : 0}\n`);
  await rounds(1);
}

/** Each attack has a relay of its own where its memory is measured; else they come one after the other. */
const isMeasured = process.env['SEALANE_PEAKS'] !== undefined;
beforeAll(start);
beforeEach(async () => {
  if (isMeasured) await start();
  attackers = new Attackers(three.relayUrl);
});
afterEach(() => attackers.stop());
afterAll(stopAllProcesses);

/** The honest pair carries bytes, unchanged, so many times more. */
async function rounds(count: number): Promise<void> {
  for (let round = 0; round < count; round++) {
    const from = traffic.events.length;
    const { isRight, bytes, end } = await traffic.waitFor('round', undefined, { from, timeoutMs: 60_000 });
    expect([isRight, bytes, end]).toEqual([true, 500_000, 'fin']);
  }
}

function expectUnharmed(): void {
  expect([three.relay.hasExited, three.relay.stderr]).toEqual([false, '']);
  expect(three.relay.events.filter(({ event }) => event === 'fault')).toEqual([]);
  const exchanges = traffic.events.filter(({ event }) => event === 'round');
  expect(exchanges.filter(({ isRight }) => isRight !== true)).toEqual([]);
  expect(three.relay.peakMemoryBytes()).toBeLessThan(BOUND_BYTES);
}

describe('an honest pair goes on, and the relay answers as it says, under', () => {
  it.each(floodAttacks)('$name', async (attack) => {
    const from = three.relay.events.length;
    await Promise.all([attack.run(attackers), rounds(2)]);
    await rounds(1);
    for (const refusal of attack.refusals) {
      await three.relay.waitFor('refused', ({ code }) => code === refusal, { timeoutMs: 10_000, from });
    }
    expectUnharmed();
    notePeak(attack, three.relay.peakMemoryBytes());
  });
});

describe('all attacks at once', () => {
  it('leave the honest pair its session and its bytes, the memory under its bound, and nothing behind', async () => {
    const failures: string[] = [];
    const attacks = [...floodAttacks, ...memoryAttacks].map((attack) =>
      attack.run(attackers).catch((error: Error) => failures.push(error.message)),
    );
    await Promise.all([rounds(3), new Promise((resolve) => setTimeout(resolve, TOGETHER_MS))]);
    attackers.stop();
    await Promise.all(attacks);
    // They end because they were stopped, or because the relay keeps them out.
    expect(
      failures.filter(
        (text) => !/^(the attack was stopped|the relay lets nobody in|no lease: |closed without a greeting)/.test(text),
      ),
    ).toEqual([]);
    await rounds(2);
    expectUnharmed();
    notePeak({ name: 'all of them at once', bound: 'all of these', refusals: [] }, three.relay.peakMemoryBytes());
    // A new dialer is let in and carries bytes.
    const { target } = await three.connectAgain();
    const received = await exchange(target, seededChunks(9, 1_000_000));
    expect(received).toEqual({ bytes: 1_000_000, sha256: seededSha256(9, 1_000_000), end: 'fin' });
  });
});

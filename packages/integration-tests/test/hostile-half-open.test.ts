import { fileURLToPath } from 'node:url';
import {
  exchange,
  seededChunks,
  seededSha256,
  startEchoServer,
  startProcess,
  stopAllProcesses,
  type Target,
  type TestProcess,
} from '@sealane/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ThreeProcesses } from './three-processes.js';

const attacker = fileURLToPath(new URL('support/half-open-sockets.mjs', import.meta.url));
/** From loopback, which no limit per address protects: a process may open 20,000 files, so there are several. */
const PROCESSES = 5;
const SOCKETS_EACH = 2_000;
const MAX_UNAUTHENTICATED = 2_000;

let backend: Awaited<ReturnType<typeof startEchoServer>>;
beforeAll(async () => {
  backend = await startEchoServer();
});
afterEach(stopAllProcesses);
afterAll(() => backend.close());

async function expectBytes(target: Target, seed: number): Promise<void> {
  const received = await exchange(target, seededChunks(seed, 2_000_000));
  expect(received).toEqual({ bytes: 2_000_000, sha256: seededSha256(seed, 2_000_000), end: 'fin' });
}

async function openRanges(attacking: TestProcess): Promise<number[][]> {
  const from = attacking.events.length;
  attacking.child.stdin?.write('\n');
  return (await attacking.waitFor('report', undefined, { from }))['open'] as number[][];
}

describe.each(['tcp', 'head', 'upgraded'])('10,000 half-open sockets, %s', (kind) => {
  it('leave 2,000 of them, and the relay to others', async () => {
    // Long enough that none goes for another reason.
    const relayOptions = ['--set', 'limits.authTimeoutMs=120s', '--set', 'limits.headersTimeoutMs=120s'];
    await using three = await ThreeProcesses.start(`127.0.0.1:${backend.port}`, { relayOptions });
    await expectBytes(three.target, 1);
    const attackers: TestProcess[] = [];
    for (let index = 0; index < PROCESSES; index++) {
      const last = startProcess(attacker, [String(three.relayPort), String(SOCKETS_EACH), kind]);
      attackers.push(last);
      // Who is known moves bytes, and who is not is let in, in the middle of it.
      if (index === 1) await expectBytes((await three.connectAgain()).target, 2);
      if (index === 3) await expectBytes(three.target, 3);
      await last.waitFor('opened');
    }
    const held = async () => {
      const ranges = (await Promise.all(attackers.map(openRanges))).flat();
      return ranges.reduce((sum, [first = 0, last = 0]) => sum + last - first + 1, 0);
    };
    await expect.poll(held, { timeout: 30_000 }).toBe(MAX_UNAUTHENTICATED);
    await expectBytes(three.target, 4);
    expect(three.relay.hasExited).toBe(false);
    expect(three.relay.stderr).toBe('');
    expect(three.relay.peakMemoryBytes()).toBeLessThan(256 << 20);
    await Promise.all(attackers.map((attacking) => attacking.kill()));
    await expectBytes((await three.connectAgain()).target, 5);
  });
});

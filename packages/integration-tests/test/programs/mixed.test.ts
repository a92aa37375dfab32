import { readdirSync } from 'node:fs';
import { requireProgram, startProcess } from '@sealane/testkit';
import { expect, test, vi } from 'vitest';
import { cliFile } from '../three-processes.js';
import { MixedStage } from './support/mixed-stage.js';
import { createWork } from './support/mixed-work.js';

const minuteMs = 60_000;
const workersPerKind = 8;
const memoryLimitMiB = 256;

function openFiles(stage: MixedStage): number[] {
  return stage.tunnels.processes.map(({ pid }) => readdirSync(`/proc/${pid}/fd`).length);
}

/** A session through `connect --stdio`; `say` resolves with the answer to its line. */
function startStdioSession(ssh: string, stage: MixedStage) {
  const words = [process.execPath, cliFile, 'connect', stage.to.ssh.address.replaceAll('%', '%%'), '--stdio'];
  const proxy = words.map((word) => `'${word}'`).join(' ');
  const command = 'while read -r line; do echo "heard $line"; done; exit 5';
  const [first = '', ...rest] = [...stage.ssh.login(1, '-o', `ProxyCommand=${proxy}`), command];
  const env = { ...stage.tunnels.dialerEnv, SEALANE_RELAY: undefined };
  const session = startProcess(first, rest, { command: ssh, events: 'none', env });
  const say = async (text: string): Promise<void> => {
    session.child.stdin?.write(`${text}\n`);
    await vi.waitUntil(() => session.stdout.endsWith(`heard ${text}\n`), { timeout: 30_000, interval: 100 });
  };
  return { session, say };
}

test('64 programs of eight kinds work for a minute beside each other, every result is right, and nothing stays behind', {
  timeout: 300_000,
}, async (context) => {
  const ssh = requireProgram(context, 'ssh');
  await using stage = await MixedStage.create(context);
  const kinds = Object.entries(createWork(context, stage));
  expect(kinds).toHaveLength(8);
  // Once each, so that all that is made once is there.
  for (const [, work] of kinds) {
    const { got, expected } = await work(1);
    expect(got).toEqual(expected);
  }
  await vi.waitUntil(() => Math.max(...openFiles(stage)) < 64, { timeout: 20_000 });
  const before = await settledFiles(stage);

  const { session, say } = startStdioSession(ssh, stage);
  const end = performance.now() + minuteMs;
  const rounds: Record<string, number> = {};
  let seed = 1_000;
  const worker = async (kind: string, work: (typeof kinds)[number][1]): Promise<void> => {
    while (performance.now() < end) {
      const { got, expected } = await work(seed++);
      expect(got, kind).toEqual(expected);
      rounds[kind] = (rounds[kind] ?? 0) + 1;
    }
  };
  const talk = async (): Promise<void> => {
    for (let line = 0; performance.now() < end; line++) {
      await say(`line ${line}`);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    session.child.stdin?.end();
    expect(await session.exited).toEqual({ code: 5, signal: null });
  };
  await Promise.all([
    talk(),
    ...kinds.flatMap(([kind, work]) => Array.from({ length: workersPerKind }, () => worker(kind, work))),
  ]);

  for (const [kind] of kinds) expect(rounds[kind], kind).toBeGreaterThanOrEqual(workersPerKind);
  // What a killed or cut connection would leave: sockets, and streams that were reset.
  await vi.waitUntil(() => openFiles(stage).every((count, index) => count <= (before[index] ?? 0)), {
    timeout: 30_000,
    interval: 250,
  });
  for (const process of stage.tunnels.processes) {
    expect(Math.round(process.peakMemoryBytes() / (1 << 20)), process.label).toBeLessThan(memoryLimitMiB);
  }
  const { ssh: sshTunnel, ...others } = stage.to;
  for (const { expose, connect } of Object.values(others)) {
    for (const process of [expose, connect]) {
      expect(process.events.filter(({ event, state }) => event === 'stream' && state === 'reset')).toEqual([]);
    }
  }
  expect(sshTunnel.connect.hasExited).toBe(false);
});

/** The counts once two looks in a row are the same. */
async function settledFiles(stage: MixedStage): Promise<number[]> {
  let previous = '';
  return await vi.waitUntil(
    () => {
      const counts = openFiles(stage);
      const isSame = String(counts) === previous;
      previous = String(counts);
      return isSame ? counts : false;
    },
    { timeout: 20_000, interval: 500 },
  );
}

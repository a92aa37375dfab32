// 18,000 idle sockets of three processes, each a client with a lease, while others are served.
import { setTimeout as sleep } from 'node:timers/promises';
import { openFiles } from '../../../bench/process-table.mjs';
import { settledMemory } from '../../../bench/settled-memory.mjs';
import { Stage } from '../../../bench/stage.mjs';
import { quantile, slope } from '../../../bench/statistics.mjs';
import { startHelper, startWorld, watch } from './world.mjs';

const processes = 3;
const addressesOfProcess = 150;
const emptyMs = 60_000;
/** For 18,000 of them, however busy the machine is. */
const holdMs = 1_200_000;

/** `counts` are held one after another, and memory read at each; then they stay idle for `idleMs`. */
export async function measureSockets({ counts, idleMs, onPoint = () => {} }) {
  const stage = new Stage();
  try {
    const most = counts.at(-1);
    const world = await startWorld(stage, { options: ['--set', `limits.maxSockets=${most + 1_000}`] });
    const { relay, honest } = world;
    const holders = [];
    for (let index = 0; index < processes; index++) {
      const args = [relay.port, index * addressesOfProcess, addressesOfProcess];
      holders.push(await startHelper(stage, 'holder.mjs', args, { mostMs: holdMs }));
    }
    const filesBefore = openFiles(relay.pid);
    await honest.ask('requests', { name: 'requests', port: world.port, perSecond: 50 });
    await honest.ask('connects', { name: 'connects', address: world.address, perSecond: 2 });
    const points = [];
    for (const count of counts) {
      const startMs = performance.now();
      await Promise.all(
        holders.map((holder, index) => holder.ask('hold', { count: Math.floor((count + index) / processes) })),
      );
      const [bytes] = await settledMemory([{ pids: [relay.pid] }]);
      const point = { count, bytes, files: openFiles(relay.pid), seconds: (performance.now() - startMs) / 1_000 };
      points.push(point);
      onPoint(point);
    }
    const cpuBefore = relay.cpuSeconds();
    const seen = await watch(honest, ['requests', 'connects'], idleMs);
    const cpuShare = (relay.cpuSeconds() - cpuBefore) / (idleMs / 1_000);
    const after = await Promise.all(holders.map((holder) => holder.ask('count')));
    const [bytesAfter] = await settledMemory([{ pids: [relay.pid] }]);
    const filesHeld = openFiles(relay.pid);
    for (const name of ['requests', 'connects']) await honest.ask('stop', { name });
    await Promise.all(holders.map((holder) => holder.ask('release')));
    const deadlineMs = performance.now() + emptyMs;
    while (openFiles(relay.pid) > filesBefore && performance.now() < deadlineMs) await sleep(200);
    return {
      points,
      slope: slope(points.slice(0, -1).map(({ count, bytes }) => [count, bytes])),
      idle: {
        seconds: idleMs / 1_000,
        cpuShare,
        bytesAfter,
        held: after.reduce((sum, { held }) => sum + held, 0),
        lost: after.reduce((sum, { lost }) => sum + lost, 0),
        files: filesHeld,
        requests: figures(seen.requests),
        connects: figures(seen.connects),
      },
      filesBefore,
      filesAfter: openFiles(relay.pid),
      peakBytes: relay.peakBytes(),
      refusals: relay.refusals,
    };
  } finally {
    await stage.stop();
  }
}

function figures({ latencies, failures, wrong }) {
  return { count: latencies.length, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), failures, wrong };
}

// Memory as slopes: resident memory of each process while more and more is held, in processes that did nothing else.
import * as floor from './peers/floor.mjs';
import * as sealane from './peers/sealane.mjs';
import { settledMemory } from './settled-memory.mjs';
import { Stage } from './stage.mjs';
import { quantile, slope } from './statistics.mjs';

const sessionOwners = 8;
const sessionClients = 64;

/**
 * `counts`: how many are held, from the first to the last of the slope. What a heap has not given back swings by megabytes, so
 * the two ends are measured `repeats` times where it is our own, each in new processes, and the slope is their median. Each entry:
 * `{ what, path, process, points, slopes, slope }`, the points being those of the first time.
 */
export async function measureMemory({ counts, repeats, onEntry }) {
  const ends = [counts[0], counts.at(-1)];
  const all = [];
  for (const [measure, times] of [
    [idleConnections(floor), 1],
    [idleConnections(sealane), repeats],
    [idleSessions, repeats],
  ]) {
    const entries = await hold(measure, counts);
    for (let repeat = 1; repeat < times; repeat++) {
      const more = await hold(measure, ends);
      for (const [index, { slopes }] of entries.entries()) slopes.push(...more[index].slopes);
    }
    for (const entry of entries) {
      entry.slope = quantile(entry.slopes, 0.5);
      onEntry(entry);
    }
    all.push(...entries);
  }
  return all;
}

/** One entry for each process, in processes that did nothing else. */
async function hold(measure, counts) {
  const stage = new Stage();
  try {
    const { what, path, processes, holdCount } = await measure(stage);
    const points = processes.map(() => []);
    for (const count of counts) {
      const { lost } = await holdCount(count);
      if (lost > 0) throw new Error(`${what}: ${lost} of ${count} were lost`);
      const bytes = await settledMemory(processes);
      for (const [index, own] of points.entries()) own.push([count, bytes[index]]);
    }
    return processes.map(({ name }, index) => {
      return { what, path, process: name, points: points[index], slopes: [slope(points[index])] };
    });
  } finally {
    await stage.stop();
  }
}

const idleConnections = (peer) => async (stage) => {
  const backend = await stage.helper('backend.mjs');
  const { port, processes } = await peer.start(stage, backend.port);
  const holder = await stage.helper('idle-connections.mjs', [port]);
  return {
    what: 'idle tunnelled connection',
    path: peer.name,
    processes,
    holdCount: (count) => holder.ask('hold', { count }),
  };
};

/** Owners and dialers are clients of the library, many to a process: a relay allows 1,024 sessions of one identity. */
async function idleSessions(stage) {
  const relay = await sealane.startRelay(stage);
  const owners = await stage.helper('session-owners.mjs', [relay.event.url, sessionOwners]);
  const dialers = await stage.helper('session-dialers.mjs', [sessionClients, ...owners.addresses]);
  return {
    what: 'idle session',
    path: sealane.name,
    processes: [
      { name: 'dialer side', pids: [dialers.pid] },
      { name: 'middle', pids: [relay.pid] },
      { name: 'owner side', pids: [owners.pid] },
    ],
    holdCount: (count) => dialers.ask('hold', { count }),
  };
}

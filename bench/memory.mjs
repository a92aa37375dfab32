// Memory as slopes: resident memory of each process while more and more is held, in processes that did nothing else.
import * as floor from './peers/floor.mjs';
import * as sealane from './peers/sealane.mjs';
import { settledMemory } from './settled-memory.mjs';
import { Stage } from './stage.mjs';
import { slope } from './statistics.mjs';

const sessionOwners = 8;
const sessionClients = 64;

/** `counts`: how many are held, from the first to the last of the slope. Each entry: `{ what, path, process, points, slope }`. */
export async function measureMemory({ counts, onEntry }) {
  const entries = [];
  for (const measure of [idleConnections(floor), idleConnections(sealane), idleSessions]) {
    const stage = new Stage();
    try {
      const { what, path, processes, hold } = await measure(stage);
      const points = processes.map(() => []);
      for (const count of counts) {
        const { lost } = await hold(count);
        if (lost > 0) throw new Error(`${what}: ${lost} of ${count} were lost`);
        const bytes = await settledMemory(processes);
        for (const [index, own] of points.entries()) own.push([count, bytes[index]]);
      }
      for (const [index, { name }] of processes.entries()) {
        const entry = { what, path, process: name, points: points[index], slope: slope(points[index]) };
        entries.push(entry);
        onEntry(entry);
      }
    } finally {
      await stage.stop();
    }
  }
  return entries;
}

const idleConnections = (peer) => async (stage) => {
  const backend = await stage.helper('backend.mjs');
  const { port, processes } = await peer.start(stage, backend.port);
  const holder = await stage.helper('idle-connections.mjs', [port]);
  return {
    what: 'idle tunnelled connection',
    path: peer.name,
    processes,
    hold: (count) => holder.ask('hold', { count }),
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
    hold: (count) => dialers.ask('hold', { count }),
  };
}

// How cost grows from few to many: two of everything are alive, one holds 10 and one 10,000, and slices alternate between them.
import { setTimeout as sleep } from 'node:timers/promises';
import { figureOf } from './measures.mjs';
import * as sealane from './peers/sealane.mjs';
import { openFiles } from './process-table.mjs';
import { settledMemory } from './settled-memory.mjs';
import { Slices } from './slices.mjs';
import { Stage } from './stage.mjs';
import { slope, summarize, summarizeRatios } from './statistics.mjs';

/** Clients of one process: what it holds must not be what is measured. */
const clientsPerProcess = 2_500;
/** How long any of the steps to many leased clients may take. */
const leasedMs = 120_000;
/** How long links that were lost may take to come back. */
const linkedMs = 60_000;
const latency = { unit: 'us', share: 0.5 };

/**
 * Leased idle clients at a relay: its memory while they become more, and the time of a dial with a full handshake beside
 * few and beside many of them. `counts` are where memory is read for the slope.
 */
export async function measureLeases({ few, counts, many, rounds, sliceMs }) {
  const stage = new Stage();
  try {
    const backend = await stage.helper('backend.mjs');
    const load = await stage.helper('load.mjs');
    const paths = { few: await dialedPath(stage, backend.port), many: await dialedPath(stage, backend.port) };
    const holdFew = await holdClients(stage, paths.few.url, few);
    await holdFew(few);
    const hold = await holdClients(stage, paths.many.url, many);
    const relay = [{ name: 'middle', pids: paths.many.relayPids }];
    const [relayPid] = paths.many.relayPids;
    const filesBefore = openFiles(relayPid);
    const points = [];
    for (const count of [...counts, many]) {
      await hold(count);
      await untilOpen(relayPid, filesBefore + count);
      points.push([count, (await settledMemory(relay))[0]]);
    }
    const slices = new Slices({ load, backend, sliceMs });
    const dial = await compare(slices, paths, { kind: 'connections', rounds, firstMs: warmUp(sliceMs) });
    return {
      memory: {
        what: 'leased idle client',
        path: sealane.name,
        process: 'middle',
        points,
        slopePoints: counts.length,
        slopes: [slope(points.slice(0, counts.length))],
        slope: slope(points.slice(0, counts.length)),
      },
      growth: [{ name: 'dial with a full handshake', of: 'leased clients at the relay', few, many, ...dial }],
      relayWithMany: { clients: many, bytes: points.at(-1)[1] },
    };
  } finally {
    await stage.stop();
  }
}

/** Tunnelled connections held open between one dialer and one owner: round trips and further connections beside them. */
export async function measureConnections({ few, many, rounds, sliceMs }) {
  const stage = new Stage();
  try {
    const backend = await stage.helper('backend.mjs');
    const load = await stage.helper('load.mjs');
    const paths = {};
    for (const [name, count] of Object.entries({ few, many })) {
      paths[name] = await sealane.start(stage, backend.port);
      const holder = await stage.helper('idle-connections.mjs', [paths[name].port]);
      await holder.ask('hold', { count });
    }
    const bytes = await settledMemory(paths.many.processes);
    const slices = new Slices({ load, backend, sliceMs });
    const firstMs = warmUp(sliceMs);
    const of = 'tunnelled connections held open';
    const entries = [];
    for (const [name, kind] of Object.entries({
      'request-response 64 B': 'requests',
      'new connection': 'connections',
    })) {
      entries.push({ name, of, few, many, ...(await compare(slices, paths, { kind, rounds, firstMs })) });
    }
    const memory = paths.many.processes.map(({ name }, index) => ({ process: name, many, bytes: bytes[index] }));
    return { growth: entries, memory };
  } finally {
    await stage.stop();
  }
}

/** Whoever held many has run its code ten thousand times; whoever held few has to catch up before it is compared. */
function warmUp(sliceMs) {
  return 5 * sliceMs;
}

/** Median times of both, and their ratio within rounds. */
async function compare(slices, paths, { kind, rounds, firstMs }) {
  const taken = await slices.rounds(paths, { kind, width: 1, rounds, firstMs });
  const [fewUs, manyUs] = ['few', 'many'].map((name) => taken[name].map((slice) => figureOf(latency, slice)));
  const failures = [...taken.few, ...taken.many].reduce((sum, slice) => sum + slice.failures, 0);
  return { fewUs: summarize(fewUs), manyUs: summarize(manyUs), ratio: summarizeRatios(manyUs, fewUs), failures };
}

/** A relay with one owner behind it, and a dialer that makes a new session for every connection. */
async function dialedPath(stage, backendPort) {
  const { sessions, url } = await sealane.start(stage, backendPort, { withSessions: true });
  return { ...sessions, url, relayPids: sessions.processes[1].pids };
}

/** Links come back by themselves where a busy machine lost them; a relay that holds fewer than wanted is not measured. */
async function untilOpen(pid, count) {
  const deadlineMs = performance.now() + linkedMs;
  while (openFiles(pid) < count) {
    if (performance.now() > deadlineMs) {
      throw new Error(`the relay has ${openFiles(pid)} of ${count} files open: this machine is too busy to hold them`);
    }
    await sleep(250);
  }
}

/** Grows to a count of leased clients, spread over as many processes as the largest count needs, and never shrinks. */
async function holdClients(stage, url, most) {
  const processes = Math.ceil(most / clientsPerProcess);
  const holders = [];
  for (let index = 0; index < processes; index++) holders.push(await stage.helper('leased-clients.mjs', [url]));
  return async (count) => {
    const holding = holders.map(async (holder, index) => {
      const own = Math.floor((count + index) / processes);
      const { lost } = await holder.ask('hold', { count: own, limitMs: leasedMs });
      if (lost > 0) throw new Error(`${lost} of ${own} leases were lost`);
    });
    await Promise.all(holding);
  };
}

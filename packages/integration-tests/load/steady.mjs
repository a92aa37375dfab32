// Half an hour at load: honest traffic, clients that come and go, and floods of every kind in turn, while the relay's memory,
// handles and files are looked at.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { cpuSeconds, residentBytes } from '../../../bench/process-table.mjs';
import { Stage } from '../../../bench/stage.mjs';
import { quantile } from '../../../bench/statistics.mjs';
import { kinds } from './floods.mjs';
import { here, startHelper, startWorld } from './world.mjs';

const emptyMs = 60_000;
/** Of the time before the first sample that growth is measured from. */
const warmUpShare = 0.25;

/** Clients that are held and replaced, floods of `floodMs` at `floodPerSecond`; what is open is read every `sampleMs`. */
export async function measureSteady(options) {
  const {
    minutes,
    sampleMs,
    clients,
    replacedPerSecond,
    floodPerSecond,
    floodMs,
    reportMs,
    onSample = () => {},
  } = options;
  const stage = new Stage();
  try {
    const file = join(stage.directory('resources'), 'resources.json');
    const reporter = pathToFileURL(join(here, 'programs/report-resources.mjs'));
    reporter.searchParams.set('file', pathToFileURL(file).href);
    reporter.searchParams.set('everyMs', String(reportMs));
    const world = await startWorld(stage, { nodeOptions: ['--import', reporter.href] });
    const { relay, honest } = world;
    const before = await settledLook(relay, file, reportMs);
    const holder = await startHelper(stage, 'holder.mjs', [relay.port, 5_000, 100]);
    const flood = await startHelper(stage, 'flood.mjs');
    await honest.ask('requests', { name: 'requests', port: world.port, perSecond: 50 });
    await honest.ask('connects', { name: 'connects', address: world.address, perSecond: 1 });
    await honest.ask('exchanges', { name: 'exchanges', port: world.port, perSecond: 4, bytes: 65_536 });
    await holder.ask('hold', { count: clients });
    const samples = [];
    const floods = [];
    const totals = { requests: empty(), connects: empty(), exchanges: empty(), attempts: 0 };
    const startMs = performance.now();
    const seconds = () => (performance.now() - startMs) / 1_000;
    const isOver = () => seconds() >= minutes * 60;
    const replacing = (async () => {
      while (!isOver()) {
        await holder.ask('replace', { count: replacedPerSecond });
        await sleep(1_000);
      }
    })();
    const flooding = (async () => {
      for (let turn = 0; !isOver(); turn++) {
        const kind = kinds[turn % kinds.length];
        const addresses = turn % (2 * kinds.length) < kinds.length ? 1 : 1_000;
        floods.push([seconds(), `${kind}, ${addresses === 1 ? 'one address' : `${addresses} addresses`}`]);
        const target = { port: relay.port, owner: world.ownerKey };
        await flood.ask('start', { ...target, kind, addresses, perSecond: floodPerSecond });
        await sleep(floodMs);
        totals.attempts += (await flood.ask('snapshot')).attempts;
        await flood.ask('stop');
      }
    })();
    // What fails among them is told below; an error of the loop comes first.
    for (const each of [replacing, flooding]) each.catch(() => {});
    while (!isOver()) {
      await sleep(sampleMs);
      for (const name of ['requests', 'connects', 'exchanges']) {
        add(totals[name], await honest.ask('snapshot', { name }));
      }
      const look = lookAt(relay, file);
      const pids = { owner: world.owner.pid, dialer: world.dialer.pid };
      const others = Object.fromEntries(
        Object.entries(pids).map(([name, pid]) => [name, Math.round(residentBytes([pid]) / 2 ** 20)]),
      );
      const sample = { at: seconds(), ...look, cpu: cpuSeconds([relay.pid]), others };
      samples.push(sample);
      onSample(sample);
    }
    await Promise.all([replacing, flooding]);
    for (const name of ['requests', 'connects', 'exchanges']) await honest.ask('stop', { name });
    await holder.ask('release');
    const deadlineMs = performance.now() + emptyMs;
    let after = await settledLook(relay, file, reportMs);
    while ((after.sockets > before.sockets || after.files > before.files) && performance.now() < deadlineMs)
      after = await settledLook(relay, file, reportMs);
    return {
      minutes,
      samples,
      floods,
      before,
      after,
      growth: growthOf(samples),
      totals: Object.fromEntries(
        Object.entries(totals).map(([name, each]) => [name, name === 'attempts' ? each : figures(each)]),
      ),
      peakBytes: relay.peakBytes(),
      refusals: relay.refusals,
      lines: relay.lines(),
    };
  } finally {
    await stage.stop();
  }
}

/** Medians of the first sixth after the warm-up and of the last sixth. */
function growthOf(samples) {
  const rest = samples.slice(Math.floor(samples.length * warmUpShare));
  const part = Math.max(1, Math.floor(rest.length / 6));
  const median = (some, key) =>
    quantile(
      some.map((sample) => sample[key]),
      0.5,
    );
  return Object.fromEntries(
    ['memory', 'heap', 'handles', 'sockets', 'files'].map((key) => {
      return [key, { first: median(rest.slice(0, part), key), last: median(rest.slice(-part), key) }];
    }),
  );
}

/** After the reporter has spoken again. */
async function settledLook(relay, file, reportMs) {
  await sleep(2.5 * reportMs);
  return lookAt(relay, file);
}

/** MiB, and counts of what is open. */
function lookAt(relay, file) {
  const { handles, heapUsed } = JSON.parse(readFileSync(file, 'utf8'));
  let sockets = 0;
  let files = 0;
  for (const name of readdirSync(`/proc/${relay.pid}/fd`)) {
    try {
      const target = readlinkSync(`/proc/${relay.pid}/fd/${name}`);
      if (target.startsWith('socket:')) sockets++;
      else files++;
    } catch (error) {
      // Closed between the two.
      if (error.code !== 'ENOENT') throw error;
    }
  }
  return {
    memory: Math.round((relay.residentBytes() / 2 ** 20) * 10) / 10,
    heap: Math.round((heapUsed / 2 ** 20) * 10) / 10,
    handles: Object.values(handles).reduce((sum, count) => sum + count, 0),
    sockets,
    files,
  };
}

function empty() {
  return { count: 0, failures: {}, wrong: 0, worst: 0 };
}

function add(total, { latencies, failures, wrong }) {
  total.count += latencies.length;
  total.wrong = wrong;
  for (const value of latencies) total.worst = Math.max(total.worst, value);
  for (const code of failures) total.failures[code] = (total.failures[code] ?? 0) + 1;
}

function figures({ count, failures, wrong, worst }) {
  return { count, failures, wrong, worstMs: Math.round(worst) };
}

// Sealane against the plain three-hop forwarder, both alive, in alternating slices: `pnpm bench [--quick] [--only TEXT]`;
// with `--against no-resumption` against itself without resumption.
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cpuSeconds, startFloor, startHelper, startSealane, stopAll } from './processes.mjs';
import { toMarkdown, writeReport } from './report.mjs';
import { quantile, summarize } from './statistics.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    only: { type: 'string' },
    pairs: { type: 'string' },
    against: { type: 'string', default: 'floor' },
  },
});
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pairs = Number(options.pairs ?? (options.quick ? 3 : 11));
const sliceMs = options.quick ? 300 : 700;
const warmUpMs = 150;
const settleMs = 150;
const gibibyte = 2 ** 30;

const measures = [
  { name: 'bulk up, 1 stream', kind: 'up', width: 1, unit: 'MB/s' },
  { name: 'bulk down, 1 stream', kind: 'down', width: 1, unit: 'MB/s' },
  { name: 'bulk up, 16 streams', kind: 'up', width: 16, unit: 'MB/s' },
  { name: 'bulk down, 16 streams', kind: 'down', width: 16, unit: 'MB/s' },
  { name: 'request-response 64 B, p50', kind: 'requests', width: 1, unit: 'us', share: 0.5 },
  { name: 'request-response 64 B, p99', kind: 'requests', width: 1, unit: 'us', share: 0.99 },
  { name: 'new connections, one at a time', kind: 'connections', width: 1, unit: '/s' },
  { name: 'new connections, 16 at once', kind: 'connections', width: 16, unit: '/s' },
].filter(({ name }) => options.only === undefined || new RegExp(options.only).test(name));

const backend = await startHelper('backend.mjs');
const { port: backendPort } = await backend.first();
const load = await startHelper('load.mjs');
if (!['floor', 'no-resumption'].includes(options.against)) throw new Error('--against floor, or no-resumption');
const isFloor = options.against === 'floor';
const baseline = isFloor ? await startFloor(backendPort) : await startSealane(backendPort, ['--resume', '0']);
const paths = { floor: baseline, sealane: await startSealane(backendPort) };

const rows = [];
let cpu;
// Two figures of one measurement share its slices.
const measured = new Map();
for (const measure of measures) {
  const key = `${measure.kind} ${measure.width}`;
  if (!measured.has(key)) measured.set(key, await measurePairs(measure));
  const slices = measured.get(key);
  rows.push(toRow(measure, slices));
  if (key === 'up 1') cpu = { floor: cpuPerGibibyte(slices.floor), sealane: cpuPerGibibyte(slices.sealane) };
  const { name, floor, sealane, ratio, unit } = rows.at(-1);
  console.log(
    `${name}: ${options.against} ${floor.median.toFixed(1)} ${unit}, sealane ${sealane.median.toFixed(1)} ${unit}, ratio ${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})`,
  );
}

const run = {
  node: process.versions.node,
  cores: availableParallelism(),
  pairs,
  sliceMs,
  date: new Date().toISOString().slice(0, 10),
  baseline: options.against,
};
const results = { run, rows, cpu };
console.log(`\n${toMarkdown(results)}`);
if (isFloor && options.only === undefined && !options.quick) writeReport(root, results);
stopAll();
process.exit(0);

async function measurePairs({ kind, width }) {
  const slices = { floor: [], sealane: [] };
  for (const path of ['floor', 'sealane']) await slice(path, kind, width);
  for (let pair = 0; pair < pairs; pair++) {
    // Who goes first alternates, too.
    for (const path of pair % 2 === 0 ? ['floor', 'sealane'] : ['sealane', 'floor']) {
      slices[path].push(await slice(path, kind, width));
    }
  }
  return slices;
}

async function slice(path, kind, width) {
  const { port, pids } = paths[path];
  await load.ask({ command: 'start', port, kind, width });
  await sleep(warmUpMs);
  const before = await snapshot(kind, pids);
  await sleep(sliceMs);
  const after = await snapshot(kind, pids);
  await load.ask({ command: 'stop' });
  await sleep(settleMs);
  if (after.failures > 0) console.error(`${path}: ${after.failures} failures in ${kind} x${width}`);
  return {
    seconds: (after.timeMs - before.timeMs) / 1_000,
    bytes: after.bytes - before.bytes,
    count: after.count - before.count,
    latencies: after.latencies,
    cpu: after.cpu.map((seconds, index) => seconds - before.cpu[index]),
  };
}

/** Bytes are counted where they arrive. */
async function snapshot(kind, pids) {
  const seen = await load.ask({ command: 'snapshot' });
  const arrived = kind === 'up' ? await backend.ask({}) : seen;
  return { ...seen, bytes: arrived.bytes, timeMs: arrived.timeMs, cpu: cpuSeconds(pids) };
}

function toRow({ name, unit, share }, slices) {
  const figure = (one) => {
    if (unit === 'MB/s') return one.bytes / one.seconds / 1e6;
    if (unit === 'us') return quantile(one.latencies, share) * 1_000;
    return one.count / one.seconds;
  };
  const floor = slices.floor.map(figure);
  const sealane = slices.sealane.map(figure);
  const ratio = sealane.map((value, index) => value / floor[index]);
  return { name, unit, floor: summarize(floor), sealane: summarize(sealane), ratio: summarize(ratio) };
}

/** Per process, over all slices: single slices are too short for the clock of /proc. */
function cpuPerGibibyte(slices) {
  const bytes = slices.reduce((sum, one) => sum + one.bytes, 0);
  return slices[0].cpu.map((_, index) => slices.reduce((sum, one) => sum + one.cpu[index], 0) / (bytes / gibibyte));
}

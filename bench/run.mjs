// Sealane, the floor and its peers, all alive, in alternating slices; then memory, growth and start-up. `pnpm bench --help`.
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { browserClientBytes } from '../scripts/check/bundles.mjs';
import { judgeGoals } from './goals.mjs';
import { measureConnections, measureLeases } from './growth.mjs';
import { measures } from './measures.mjs';
import { measureMemory } from './memory.mjs';
import { parseOptions, usage } from './options.mjs';
import { peers, startPeers } from './peers/index.mjs';
import * as sealane from './peers/sealane.mjs';
import { number, spread, toMarkdown, writePage, writeResults } from './report.mjs';
import { Slices } from './slices.mjs';
import { Stage } from './stage.mjs';
import { measureStartUp } from './start-up.mjs';
import { measureThroughput } from './throughput.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const startMs = performance.now();
const options = readOptions();
const { quick, rounds, against, wants } = options;
const isFloor = against === 'floor';
const baseline = options.isTree ? 'other tree' : against;
const sliceMs = quick ? 250 : 700;
const counts = quick ? [100, 300] : [1_000, 2_000, 4_000, 6_000];
const few = 10;
const many = quick ? 400 : 10_000;

const results = {};
const failures = [];
const wantedMeasures = measures.filter(({ name }) => wants(name));
if (wantedMeasures.length > 0) Object.assign(results, await throughput());
// What is held and how it starts is a matter of what a user runs: no baseline of ours has a part in it.
if (isFloor) await standing();
results.run = {
  node: process.versions.node,
  cores: availableParallelism(),
  rounds,
  sliceMs,
  date: new Date().toISOString().slice(0, 10),
  seconds: Math.round((performance.now() - startMs) / 1_000),
  baseline,
  failures,
};
if (isFloor) {
  const goals = judgeGoals(results);
  results.goals = options.isComplete ? goals : goals.filter(({ value }) => value !== undefined);
}
console.log(
  `\n${toMarkdown(results)}\n\ntook ${results.run.seconds} s${quick ? '; --quick shows that it works, not how fast it is' : ''}`,
);
if (options.output !== undefined) writeResults(options.output, results);
if (options.isComplete) {
  writeResults(join(root, 'docs/benchmarks'), results);
  writePage(join(root, 'docs/benchmarks.md'), results);
}
process.exit(failures.length > 0 ? 1 : 0);

async function throughput() {
  const stage = new Stage();
  const backend = await stage.helper('backend.mjs');
  const load = await stage.helper('load.mjs');
  const { paths, list } = isFloor
    ? await startPeers(stage, backend.port, options.peers)
    : { paths: await startVersions(stage, backend.port), list: undefined };
  console.log(`alive: ${Object.keys(paths).join(', ')}`);
  const slices = new Slices({ load, backend, sliceMs });
  const found = await measureThroughput({ slices, paths, baseline, measures: wantedMeasures, rounds, onRow: printRow });
  await stage.stop();
  return { peers: list, ...found };
}

/** Sealane twice: as it is, and as what it is held against. */
async function startVersions(stage, backendPort) {
  const other = options.isTree ? { root: against } : { options: ['--resume', '0'] };
  return {
    [baseline]: await sealane.start(stage, backendPort, other),
    sealane: await sealane.start(stage, backendPort),
  };
}

async function standing() {
  await part('memory of connections and sessions', async () => {
    results.memory = await measureMemory({ counts, repeats: quick ? 1 : 3, onEntry: printMemory });
  });
  await part('memory and growth with leases', async () => {
    const { memory, growth, relayWithMany } = await measureLeases({ few, counts, many, rounds, sliceMs });
    printMemory(memory);
    growth.forEach(printGrowth);
    results.memory = [...(results.memory ?? []), memory];
    Object.assign(results, { growth, relayWithMany });
  });
  await part('growth with connections', async () => {
    const { growth, memory } = await measureConnections({ few, many, rounds, sliceMs });
    growth.forEach(printGrowth);
    results.growth = [...(results.growth ?? []), ...growth];
    results.connectionMemory = memory;
  });
  await part('start-up', async () => {
    results.startUp = await measureStartUp({ rounds });
    for (const { name, ms } of results.startUp) console.log(`${name}: ${ms.median.toFixed(0)} ms`);
  });
  await part('browser client', async () => {
    results.browserBytes = await browserClientBytes();
  });
}

/** A part that fails takes nothing of the others with it; the report tells of it, and the exit status. */
async function part(name, measure) {
  if (!wants(name)) return;
  const partStartMs = performance.now();
  try {
    await measure();
    console.log(`${name}: took ${((performance.now() - partStartMs) / 1_000).toFixed(0)} s`);
  } catch (error) {
    console.error(`${name} failed: ${error.message}`);
    failures.push({ part: name, error: error.message });
  }
}

function readOptions() {
  const names = peers.map(({ name }) => name);
  try {
    const parsed = parseOptions(process.argv.slice(2), names);
    if (!parsed.help) return parsed;
    console.log(usage);
    process.exit(0);
  } catch (error) {
    console.error(`error: ${error.message}\n\n${usage}`);
    process.exit(2);
  }
}

function printRow({ name, unit, paths }) {
  console.log(`${name}, ${unit}`);
  for (const [path, { median, ratio, failures }] of Object.entries(paths)) {
    const failed = failures > 0 ? `, ${failures} failed` : '';
    console.log(`  ${path.padEnd(10)} ${number(median).padStart(9)}  ratio ${spread(ratio)}${failed}`);
  }
}

function printMemory({ what, path, process: name, slope, slopes }) {
  const all = slopes.map((one) => number(one / 1_024)).join(', ');
  console.log(`memory per ${what}: ${path}, ${name}: ${number(slope / 1_024)} KiB (${all})`);
}

function printGrowth({ name, of, many: count, ratio }) {
  console.log(`${name} beside ${count} ${of}, as a ratio to ${few}: ${spread(ratio)}`);
}

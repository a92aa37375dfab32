// Where the CPU time of setting up goes, by process: cryptography and the rest. `node bench/profile.mjs [--seconds N] [--only PATTERN]
// [--functions N]`: a session with its handshake for every connection, connections in a session that stands, and the floor's.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { readCommandLine } from './command-line.mjs';
import * as floor from './peers/floor.mjs';
import * as sealane from './peers/sealane.mjs';
import { summarizeProfile } from './profile-summary.mjs';
import { Stage } from './stage.mjs';

const usage = `node bench/profile.mjs [options], after a build: where the CPU time of setting up goes, by process.

  --seconds N       length of each profile (default: 8)
  --only PATTERN    loads whose name matches this regular expression
  --functions N     functions shown for each process (default: 12)
  --root DIR        another working tree that is built
  --help`;
const { options, number, pattern } = readCommandLine(usage, {
  seconds: { type: 'string' },
  only: { type: 'string' },
  functions: { type: 'string' },
  root: { type: 'string', default: fileURLToPath(new URL('..', import.meta.url)) },
});
const wanted = pattern('only');
const seconds = number('seconds', 8);
const functionsShown = number('functions', 12, { isWhole: true });
const loads = [
  { name: 'new sessions, 16 at once', width: 16, via: 'sessions' },
  { name: 'new connections, one at a time', width: 1 },
  { name: 'new connections, 16 at once', width: 16 },
  { name: 'floor, one at a time', width: 1, isFloor: true },
  { name: 'floor, 16 at once', width: 16, isFloor: true },
].filter(({ name }) => wanted.test(name));

const stage = new Stage();
process.env.SEALANE_BENCH_PROFILES = stage.directory('profiles');
process.env.NODE_OPTIONS = `--import ${pathToFileURL(fileURLToPath(new URL('programs/profiled.mjs', import.meta.url)))}`;
const backend = await stage.helper('backend.mjs');
const load = await stage.helper('load.mjs');
for (const { name, width, via, isFloor } of loads) {
  // New processes each: what another load has compiled, and left behind, has no part in it.
  const sealaneOptions = { withSessions: via !== undefined, root: options.root };
  const started = isFloor
    ? await floor.start(stage, backend.port)
    : await sealane.start(stage, backend.port, sealaneOptions);
  const { port, processes } = via === undefined ? started : started[via];
  await load.ask('start', { port, kind: 'connections', width });
  await sleep(1_000 * seconds);
  const pids = processes.flatMap((process) => process.pids);
  const before = await load.ask('snapshot');
  for (const pid of pids) process.kill(pid, 'SIGUSR2');
  await sleep(1_000 * seconds);
  for (const pid of pids) process.kill(pid, 'SIGUSR2');
  const after = await load.ask('snapshot');
  await load.ask('stop');
  const count = after.count - before.count;
  const profiles = await Promise.all(pids.map(read));
  const summaries = profiles.map((profile) => summarizeProfile(profile, count));
  print(name, count / ((after.timeMs - before.timeMs) / 1_000), processes, summaries);
}
await stage.stop();
process.exit(0);

async function read(pid) {
  const file = join(process.env.SEALANE_BENCH_PROFILES, String(pid));
  while (!existsSync(file)) await sleep(100);
  return JSON.parse(readFileSync(file, 'utf8'));
}

function print(name, rate, processes, summaries) {
  console.log(`\n${name}: ${rate.toFixed(0)}/s`);
  const titles = processes.map((process) => process.name);
  console.log(`| us each | ${titles.join(' | ')} | sum |\n| --- | ${'--- | '.repeat(titles.length)}--- |`);
  const rows = [...new Set(summaries.flatMap(({ parts }) => Object.keys(parts)))];
  const totals = { all: 'cpuUs', 'of which in the kernel': 'kernelUs' };
  for (const row of [...rows, ...Object.keys(totals)]) {
    const values = summaries.map((summary) => (row in totals ? summary[totals[row]] : (summary.parts[row] ?? 0)));
    const sum = values.reduce((total, value) => total + value, 0);
    console.log(`| ${row} | ${[...values, sum].map((value) => value.toFixed(0)).join(' | ')} |`);
  }
  for (const [index, { functions }] of summaries.entries()) {
    console.log(`${titles[index]}, functions by self time in us:`);
    for (const [place, us] of functions.slice(0, functionsShown))
      console.log(`  ${us.toFixed(1).padStart(7)} ${place}`);
  }
}

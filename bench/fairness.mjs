// How long interactive streams wait while others send all they can, in real processes:
// `node bench/fairness.mjs [--pairs N] [--seconds N] [--rate MB/s] [--storm N/s] [--only TEXT] [--quick]` after a build.
// Slices without and with the load alternate; the whole run goes to docs/benchmarks/fairness.json.
import { fork, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readCommandLine } from './command-line.mjs';
import { quantile, summarize } from './statistics.mjs';

const usage = `node bench/fairness.mjs [options], after a build: how long interactive streams wait while others send all they can.

  --pairs N      pairs of slices, without and with the load (default: 11)
  --seconds N    length of a slice (default: 1.5)
  --rate N       MB/s of the bulk (default: 40)
  --storm N      streams a second that are opened and reset (default: 2000)
  --only TEXT    cases whose name has this text; then nothing is written
  --quick        3 pairs, and nothing is written
  --help

A run of everything writes docs/benchmarks/fairness.json.`;
const { options, number } = readCommandLine(usage, {
  pairs: { type: 'string' },
  seconds: { type: 'string' },
  rate: { type: 'string' },
  storm: { type: 'string' },
  only: { type: 'string' },
  quick: { type: 'boolean' },
});
const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const pairs = number('pairs', options.quick ? 3 : 11, { isWhole: true });
const sliceMs = number('seconds', 1.5) * 1_000;
const bytesPerSecond = number('rate', 40) * 1e6;
const stormPerSecond = number('storm', 2_000);
const goal = 3;
/** 100 of them ask 1,000 times a second. */
const pauseMs = 100;
/** Of /proc/PID/stat; 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

const cases = [
  {
    name: '1 bulk stream, 100 interactive ones inside one session',
    count: 100,
    how: 'streams',
    load: { kind: 'bulk', how: 'streams' },
  },
  {
    name: 'the same as separate sessions over one WebSocket',
    count: 100,
    how: 'sessions',
    load: { kind: 'bulk', how: 'sessions' },
  },
  {
    name: 'a reader that never reads, among 1,000 streams',
    count: 999,
    how: 'streams',
    load: { kind: 'stall', how: 'streams' },
  },
  {
    name: 'one client at full speed, 100 others',
    count: 100,
    how: 'clients',
    load: { kind: 'bulk', how: 'clients' },
    isApart: true,
  },
  { name: 'streams opened and reset without end, 100 others', count: 100, how: 'streams', load: { kind: 'storm' } },
].filter(({ name }) => options.only === undefined || name.includes(options.only));

const children = [];
const directory = mkdtempSync(join(tmpdir(), 'sealane-fairness-'));
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const rows = [];
const loadBefore = loadavg()[0];
for (const one of cases) {
  rows.push(await measure(one));
  console.log(toLine(rows.at(-1)));
}
const run = {
  node: process.versions.node,
  cores: availableParallelism(),
  pairs,
  sliceMs,
  bulkMegabytesPerSecond: bytesPerSecond / 1e6,
  stormPerSecond,
  pauseMs,
  goal,
  /** Of the whole machine, in the minute before and at the end: what else it had to do is in every figure. */
  loadAverage: { before: loadBefore, after: loadavg()[0] },
  date: new Date().toISOString().slice(0, 10),
};
console.log(`\n${toMarkdown()}`);
if (!options.quick && options.only === undefined) {
  mkdirSync(join(root, 'docs/benchmarks'), { recursive: true });
  writeFileSync(join(root, 'docs/benchmarks/fairness.json'), `${JSON.stringify({ run, rows }, undefined, 2)}\n`);
}
process.exit(0);

/** A relay, ten owners in a process, and dialers, of their own for each case. */
async function measure({ name, count, how, load, isApart = false }) {
  const relay = await startRelay();
  const owner = startChild('fairness-owners.mjs', relay.url, '10');
  const { addresses } = await owner.first();
  const dialer = startChild('fairness-dialers.mjs');
  await dialer.ask({ command: 'open', relayUrl: relay.url, addresses, how, count });
  const loader = isApart ? startChild('fairness-dialers.mjs') : dialer;
  if (isApart) await loader.ask({ command: 'open', relayUrl: relay.url, addresses, how, count: 0 });
  const pids = { relay: relay.pid, owner: owner.pid, dialer: dialer.pid };
  const slice = async (isLoaded) => {
    if (isLoaded) {
      const details = { bytesPerSecond, perSecond: stormPerSecond, ...load };
      await loader.ask({ command: 'load', isOn: true, ...details });
    }
    await sleep(200);
    const before = cpuSeconds(pids);
    const fromMs = performance.now();
    const { waits } = await dialer.ask({ command: 'ask', forMs: sliceMs, pauseMs: (pauseMs * count) / 100 });
    const seconds = (performance.now() - fromMs) / 1_000;
    const after = cpuSeconds(pids);
    const { done = 0 } = isLoaded ? await loader.ask({ command: 'load', isOn: false }) : {};
    await sleep(200);
    const cpu = Object.fromEntries(Object.keys(pids).map((key) => [key, (after[key] - before[key]) / seconds]));
    return {
      p50: quantile(waits, 0.5),
      p99: quantile(waits, 0.99),
      answers: waits.length,
      done: done / (seconds + 0.2),
      cpu,
    };
  };
  const slices = { unloaded: [], loaded: [] };
  await slice(false);
  await slice(true);
  for (let pair = 0; pair < pairs; pair++) {
    for (const isLoaded of pair % 2 === 0 ? [false, true] : [true, false]) {
      slices[isLoaded ? 'loaded' : 'unloaded'].push(await slice(isLoaded));
    }
  }
  for (const child of [relay, owner, dialer, loader]) child.stop();
  const { unloaded, loaded } = slices;
  const of = (list, key) => summarize(list.map((one) => one[key]));
  return {
    name,
    unloaded: { p50: of(unloaded, 'p50'), p99: of(unloaded, 'p99') },
    loaded: { p50: of(loaded, 'p50'), p99: of(loaded, 'p99') },
    ratio: summarize(loaded.map(({ p99 }, index) => p99 / unloaded[index].p99)),
    load: { unit: load.kind === 'storm' ? 'streams/s' : 'bytes/s', perSecond: of(loaded, 'done').median },
    cpuShares: Object.fromEntries(
      Object.keys(pids).map((key) => [key, summarize(loaded.map(({ cpu }) => cpu[key])).median]),
    ),
    answers: loaded.reduce((sum, { answers }) => sum + answers, 0),
  };
}

function startChild(file, ...args) {
  const child = fork(join(here, 'programs', file), args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  children.push(child);
  let lastId = 0;
  const waiting = new Map();
  child.on('message', (message) => {
    const settle = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error === undefined) settle?.resolve(message);
    else settle?.reject(new Error(`${file}: ${message.error}`));
  });
  child.once('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended with ${code}`));
  });
  const expect = (id) => new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  return {
    pid: child.pid,
    /** What the child says first, without being asked. */
    first: () => expect(undefined),
    ask(message) {
      const id = ++lastId;
      child.send({ id, ...message });
      return expect(id);
    },
    stop: () => child.kill('SIGKILL'),
  };
}

async function startRelay() {
  const dataDir = mkdtempSync(join(directory, 'relay-'));
  const file = join(root, 'apps/relay/dist/main.js');
  const child = spawn(process.execPath, [file, '--listen', '127.0.0.1:0', '--data-dir', dataDir, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let text = '';
  const url = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the relay ended with ${code}`)));
    child.stdout.setEncoding('utf8').on('data', (part) => {
      text = `${text}${part}`.slice(-65_536);
      for (const line of text.split('\n').slice(0, -1)) {
        const event = JSON.parse(line);
        if (event.event === 'listening') resolve(event.url);
      }
    });
  });
  child.stdout.removeAllListeners('data').resume();
  return { pid: child.pid, url, stop: () => child.kill('SIGKILL') };
}

function cpuSeconds(pids) {
  return Object.fromEntries(
    Object.entries(pids).map(([key, pid]) => {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [key, (Number(fields[11]) + Number(fields[12])) / ticksPerSecond];
    }),
  );
}

function toMarkdown() {
  const lines = [
    `Node ${run.node}, ${run.cores} cores, ${run.pairs} pairs of ${run.sliceMs} ms, bulk at ${run.bulkMegabytesPerSecond} MB/s, load average ${run.loadAverage.before.toFixed(1)} before, ${run.date}.`,
    '',
    '| case | p50 alone | p99 alone | p50 beside | p99 beside | p99, times (quartiles) | load | relay CPU |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map(toLine),
  ];
  return lines.join('\n');
}

function toLine({ name, unloaded, loaded, ratio, load, cpuShares }) {
  const ms = ({ median }) => `${median.toFixed(2)} ms`;
  const done =
    load.unit === 'bytes/s' ? `${(load.perSecond / 1e6).toFixed(1)} MB/s` : `${load.perSecond.toFixed(0)} /s`;
  const times = `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})`;
  const cells = [name, ms(unloaded.p50), ms(unloaded.p99), ms(loaded.p50), ms(loaded.p99), times, done];
  return `| ${cells.join(' | ')} | ${(cpuShares.relay * 100).toFixed(0)} % |`;
}

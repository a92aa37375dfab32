// What each layer of the path costs: the floor, then one layer more at each rung, all alive, in alternating slices, up to the
// programs as they are installed. `pnpm bench:ladder [--rounds N] [--only PATTERN] [--rungs PATTERN] [--output FILE]`.
import { writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { readCommandLine } from './command-line.mjs';
import { measures } from './measures.mjs';
import * as floor from './peers/floor.mjs';
import * as sealane from './peers/sealane.mjs';
import { number, spread } from './report.mjs';
import { Slices } from './slices.mjs';
import { Stage, untilCarrying } from './stage.mjs';
import { measureThroughput } from './throughput.mjs';

const usage = `pnpm bench:ladder [options]: what each layer of the path costs, from the plain forwarder to the programs.

  --rounds N         rounds of slices (default: 11)
  --only PATTERN     measures whose name matches this regular expression (default: bulk, and p50 and p99 of requests)
  --rungs PATTERN    rungs whose name matches, beside the floor (default: all of them)
  --output FILE      writes the results there
  --help`;
const commandLine = readCommandLine(usage, {
  rounds: { type: 'string' },
  only: { type: 'string' },
  rungs: { type: 'string' },
  output: { type: 'string' },
});
const { options } = commandLine;
const rounds = commandLine.number('rounds', 11, { isWhole: true });
const wanted = commandLine.pattern('only', '^(bulk|request-response 64 B, p(50|99)$)');
const wantedRungs = commandLine.pattern('rungs');

/** Each has what the one before it has, but for the first two, of which the third has both. */
const rungs = [
  { name: 'floor', what: 'three plain TCP forwarders', start: floor.start },
  { name: 'records', what: 'floor with records: what one read brings is sealed and opened', start: hops },
  { name: 'frames', what: 'floor with WebSocket frames on both links, masks of zeros', start: hops },
  { name: 'both', what: 'records in WebSocket frames, a link for each connection', start: hops },
  { name: 'muxes', what: 'one link and one session: inner and outer mux, windows and credit', start: hops },
  { name: 'session', what: 'the packages of client and server, sessions that end with their path', start: packages },
  { name: 'packages', what: 'with resumption: numbered acks, ciphertext kept', start: packages },
  { name: 'programs', what: '`sealane connect`, `sealane-relay`, `sealane expose`', start: sealane.start },
].filter(({ name }) => name === 'floor' || wantedRungs.test(name));

const stage = new Stage();
const backend = await stage.helper('backend.mjs');
const load = await stage.helper('load.mjs');
const paths = {};
for (const { name, start } of rungs) {
  paths[name] = await start(stage, backend.port, { rung: name });
  await untilCarrying(paths[name].port);
}
const results = await measureThroughput({
  slices: new Slices({ load, backend, sliceMs: 700 }),
  paths,
  baseline: 'floor',
  measures: measures.filter(({ name, via }) => via === undefined && wanted.test(name)),
  rounds,
  onRow: ({ name }) => console.log(`measured: ${name}`),
});
await stage.stop();
console.log(`\n${toMarkdown(results)}`);
if (options.output !== undefined) writeFileSync(options.output, `${JSON.stringify(results, undefined, 1)}\n`);
process.exit(0);

/** Three processes of `ladder-hop.mjs`, each connected to the next one. */
async function hops(ladder, backendPort, { rung }) {
  const processes = [];
  let port = backendPort;
  for (const [role, name] of [
    ['owner', 'owner side'],
    ['relay', 'middle'],
    ['dialer', 'dialer side'],
  ]) {
    const hop = await ladder.helper('ladder-hop.mjs', [rung, role, port]);
    ({ port } = hop);
    processes.unshift({ name, pids: [hop.pid] });
  }
  return { port, processes };
}

async function packages(ladder, backendPort, { rung }) {
  const relay = await ladder.helper('ladder-hop.mjs', [rung, 'relay', 0]);
  const owner = await ladder.helper('ladder-hop.mjs', [rung, 'owner', backendPort, relay.url]);
  const dialer = await ladder.helper('ladder-hop.mjs', [rung, 'dialer', 0, relay.url, owner.address]);
  const processes = [
    { name: 'dialer side', pids: [dialer.pid] },
    { name: 'middle', pids: [relay.pid] },
    { name: 'owner side', pids: [owner.pid] },
  ];
  return { port: dialer.port, processes };
}

function toMarkdown({ rows, cpu }) {
  const heads = ['rung', 'what it is', ...rows.map(({ name }) => name)];
  const lines = rungs.map(({ name, what }) => [name, what, ...rows.map(({ paths: own }) => spread(own[name].ratio))]);
  if (cpu !== undefined) {
    heads.push('CPU s/GiB: dialer, relay, owner', 'sum', 'of the floor');
    for (const [index, { name }] of rungs.entries()) {
      const { processes, sum, ratio } = cpu[name];
      const parts = processes.map(({ secondsPerGibibyte }) => number(secondsPerGibibyte)).join(', ');
      lines[index].push(parts, number(sum), spread(ratio));
    }
  }
  const table = [heads, heads.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`);
  const machine = `Node ${process.versions.node}, ${availableParallelism()} cores, load average ${loadavg()[0].toFixed(1)}`;
  const when = `${rounds} rounds, ${new Date().toISOString().slice(0, 10)}`;
  return [`${machine}, ${when}; ratios to the floor, medians and quartiles`, '', ...table].join('\n');
}

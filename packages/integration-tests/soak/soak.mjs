// Moderate load of mixed programs with a fault every few seconds: `pnpm soak [--minutes N] [--seed N] [--out DIRECTORY]`.
// Writes soak.json and soak.svg; last line `N passed, N failed`: pieces of work and invariants.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom, startEchoServer, stopAllProcesses } from '@sealane/testkit';
import { readCommandLine } from '../../../bench/command-line.mjs';
import { createFaults } from './faults.mjs';
import { askForMemory, carriedSessions, startPair, startRelay, startWires } from './processes.mjs';
import { heldGrowth, summarize, writeResults } from './results.mjs';
import { createWork, startHttpBackend } from './work.mjs';

const usage = `pnpm soak [options]: mixed programs with a fault every few seconds; what must stay true is checked.

  --minutes N        how long (default: 2); from 10 on memory must not grow
  --seed N           of work and faults, to run them again; each run prints its own
  --out DIRECTORY    for soak.json and soak.svg (default: sealane-soak in the directory for temporary files)
  --help`;
const { options, number } = readCommandLine(usage, {
  minutes: { type: 'string' },
  seed: { type: 'string' },
  out: { type: 'string' },
});
const minutes = number('minutes', 2);
const seed = number('seed', 1 + (Date.now() % 1_000_000), { isWhole: true });

/** No piece of work may take longer, faults included. */
const hangMs = 90_000;
const sampleMs = 1_000;
/** What is left after a collection is asked for so seldom that the collections change nothing. */
const memoryMs = 30_000;
/** Over a shorter time what grows is code that becomes warm. */
const leastMinutesForGrowth = 10;
/** Of each process, when a piece of work fails. */
const EVENTS_SHOWN = 12;
const workersPerKind = 2;
const limits = { memoryMiB: 300, filesLeft: 4, growthMiB: 3 };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const random = seededRandom(seed);
const fraction = () => new DataView(random(4).buffer).getUint32(0) / 2 ** 32;
const between = (least, most) => least + fraction() * (most - least);
const pick = (choices) => choices[Math.floor(fraction() * choices.length)];

const directory = mkdtempSync(join(tmpdir(), 'sealane-soak-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const echoServer = await startEchoServer();
const web = await startHttpBackend();
const relays = [await startRelay('relay A', directory), await startRelay('relay B', directory)];
const ownerWires = await startWires(relays);
const dialerWires = await startWires(relays);
const wires = [...ownerWires, ...dialerWires];
const place = { directory, ownerWires, dialerWires };
const pairs = [await startPair('echo', echoServer.port, place), await startPair('http', web.port, place)];
const clients = pairs.flatMap(({ expose, connect }) => [expose, connect]);
const work = Object.entries(createWork({ echo: pairs[0], http: pairs[1] }));
const faults = Object.entries(createFaults({ relays, pairs, wires }, { pick, between }));

const startedMs = performance.now();
const endMs = startedMs + minutes * 60_000;
const nowSeconds = () => Math.round((performance.now() - startedMs) / 100) / 10;
const results = { seed, minutes, kinds: {}, failures: [], faults: [], samples: [], pauses: [], held: [] };
const fail = (what, error) => {
  const failure = { at: nowSeconds(), what, error: String(error?.message ?? error).slice(0, 1_000) };
  results.failures.push(failure);
  console.log(`FAILED ${failure.at} s ${what}: ${failure.error}`);
};

let nextSeed = 1_000;
/** One piece of work within its time. */
async function doOne(kind, doWork) {
  results.kinds[kind] ??= { done: 0, failed: 0, longestMs: 0 };
  const counts = results.kinds[kind];
  const mySeed = nextSeed++;
  const beganMs = performance.now();
  let timer;
  const hangs = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`hangs for ${hangMs} ms`)), hangMs);
  });
  try {
    await Promise.race([doWork(mySeed), hangs]);
    counts.done += 1;
  } catch (error) {
    counts.failed += 1;
    fail(`${kind} ${mySeed}`, error);
    for (const { name, process } of clients) {
      const last = process.events.slice(-EVENTS_SHOWN).map((event) => JSON.stringify(event));
      console.log(`what ${name} said last:\n  ${last.join('\n  ')}`);
    }
    await sleep(1_000);
  } finally {
    clearTimeout(timer);
    counts.longestMs = Math.max(counts.longestMs, Math.round(performance.now() - beganMs));
  }
}

async function makeFaults() {
  // Each kind comes up before any comes a second time.
  let bag = [];
  while (performance.now() < endMs - 3_000) {
    await sleep(between(1_000, 4_000));
    if (bag.length === 0) bag = [...faults];
    const [name, makeFault] = bag.splice(Math.floor(fraction() * bag.length), 1)[0];
    const at = nowSeconds();
    try {
      const whom = await makeFault();
      results.faults.push({ at, until: nowSeconds(), name, whom });
    } catch (error) {
      fail(`fault "${name}"`, error);
    }
  }
}

const seen = new Map();
/** Reads what is new in the events of a process: pauses, and what must not be. */
function readEvents(standing) {
  const { events } = standing.process;
  for (const event of events.slice(seen.get(standing) ?? 0)) {
    if (event.event === 'session' && event.state === 'resumed') {
      results.pauses.push({ at: nowSeconds(), who: standing.name, ms: event.gapMs });
    }
    if (event.event === 'stream' && event.state === 'reset')
      fail(`${standing.name} reset a stream`, JSON.stringify(event));
    if (event.event === 'error' || event.event === 'fatal') fail(standing.name, JSON.stringify(event));
  }
  seen.set(standing, events.length);
}

const heldSeen = new WeakSet();
/** What a process said it holds. Compiled code comes and goes, and is bounded by the program. */
function readHeld(standing) {
  const said = standing.process.events.findLast(({ event }) => event === 'memory');
  if (said === undefined || heldSeen.has(said)) return;
  heldSeen.add(said);
  results.held.push({ at: nowSeconds(), who: standing.name, bytes: said.live - said.code });
}

function sample() {
  for (const standing of [...relays, ...clients]) {
    if (standing.process.hasExited && !standing.isDown) {
      standing.isDown = true;
      fail(`${standing.name} ended`, standing.process.stderr);
    }
  }
  for (const client of clients) readEvents(client);
  for (const standing of [...relays, ...clients]) readHeld(standing);
  const looks = Object.fromEntries([...relays, ...clients].map((standing) => [standing.name, standing.look() ?? null]));
  const sessions = Object.fromEntries(relays.map((relay) => [relay.name, relay.isDown ? 0 : carriedSessions(relay)]));
  results.samples.push({ at: nowSeconds(), looks, sessions });
}

// Once each, so that what is made once is there; it is the measure for what is left at the end.
for (const [kind, doWork] of work) await doOne(kind, doWork);
await sleep(2_000);
const before = new Map(clients.map((client) => [client, client.look()]));
const sampler = setInterval(sample, sampleMs);
const asker = setInterval(() => [...relays, ...clients].forEach(askForMemory), memoryMs);
await Promise.all([
  makeFaults(),
  ...work.flatMap(([kind, doWork]) =>
    Array.from({ length: workersPerKind }, async () => {
      while (performance.now() < endMs) await doOne(kind, doWork);
    }),
  ),
]);

// Nothing of it stays behind: no file, no session beyond the one of each pair.
const invariants = [];
const check = (name, isTrue, facts) => {
  invariants.push({ name, isTrue, facts });
  if (!isTrue) fail(name, JSON.stringify(facts));
};
const quietMs = performance.now() + 30_000;
const filesLeft = () => clients.map((client) => (client.look()?.files ?? 0) - (before.get(client)?.files ?? 0));
const sessionsLeft = () => relays.reduce((sum, relay) => sum + carriedSessions(relay), 0);
while (performance.now() < quietMs) {
  if (Math.max(...filesLeft()) <= limits.filesLeft && sessionsLeft() <= pairs.length) break;
  await sleep(500);
}
clearInterval(asker);
[...relays, ...clients].forEach(askForMemory);
await sleep(2_000);
clearInterval(sampler);
sample();
check('no file stays open', Math.max(...filesLeft()) <= limits.filesLeft, filesLeft());
check('no session stays behind', sessionsLeft() <= pairs.length, sessionsLeft());
const memory = results.samples.flatMap(({ looks }) => Object.values(looks).map((look) => look?.memory ?? 0));
check('memory within bounds', Math.max(...memory) < limits.memoryMiB, Math.max(...memory));
if (minutes >= leastMinutesForGrowth) {
  const grown = clients.map(({ name }) => ({ name, growthMiB: heldGrowth(results.held, name, minutes * 60) }));
  check(
    'what clients hold does not grow',
    grown.every(({ growthMiB }) => growthMiB < limits.growthMiB),
    grown,
  );
}
check('faults happened', results.faults.length > 0, results.faults.length);
check(
  'every kind of work was done',
  work.every(([kind]) => results.kinds[kind].done > 0),
  Object.keys(results.kinds),
);

await stopAllProcesses();
await Promise.all([...wires.map((wire) => wire.close()), echoServer.close()]);
web.server.closeAllConnections();
web.server.close();

const out = options.out ?? join(tmpdir(), 'sealane-soak');
mkdirSync(out, { recursive: true });
writeResults(out, { ...results, invariants });
const { lines, passed, failed } = summarize({ ...results, invariants });
for (const line of lines) console.log(line);
console.log(`results in ${out}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

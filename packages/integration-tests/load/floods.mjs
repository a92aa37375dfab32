// Floods at 1,000 attempts a second and without bound, in slices that alternate with calm ones, and beside the floor.
import { setTimeout as sleep } from 'node:timers/promises';
import { Stage } from '../../../bench/stage.mjs';
import { quantile, rotate } from '../../../bench/statistics.mjs';
import { RelayProfiler, summarizeProfiles } from './profile.mjs';
import { startHelper, startWorld, watch } from './world.mjs';

export const kinds = ['silent', 'upgrade', 'handshake', 'connect'];
const crowds = [1, 1_000];
const goals = { paced: 5, unbounded: 1.5 };
const requestsPerSecond = 200;
const connectsPerSecond = 5;
/** Attempts at once of a flood without a rate. */
const width = 128;

/**
 * `rounds` of calm and flooded slices for each entry; `settleMs` after each flood, until what it left behind is gone;
 * `least` requests in each slice, however long that takes. With `withProfile` each flooded slice of the relay is profiled,
 * which costs it time: such numbers are not to be compared with others.
 */
export async function measureFloods(options) {
  const { perSecond, settleMs, only = /./, onEntry = () => {} } = options;
  const stage = new Stage();
  try {
    const profiler = options.withProfile ? new RelayProfiler(stage.directory('profile')) : undefined;
    const world = await startWorld(stage, { options: options.relayOptions, nodeOptions: profiler?.nodeOptions });
    const flood = await startHelper(stage, 'flood.mjs', [options.keys]);
    const { honest, relay } = world;
    await honest.ask('requests', { name: 'requests', port: world.port, perSecond: requestsPerSecond });
    await honest.ask('connects', { name: 'connects', address: world.address, perSecond: connectsPerSecond });
    await sleep(settleMs);
    const entries = [];
    const parts = { world, flood, ...options, only, onEntry, profiler };
    for (const kind of kinds) {
      for (const addresses of crowds) {
        const what = `${kind}, ${addresses} ${addresses === 1 ? 'address' : 'addresses'}`;
        if (!only.test(`${what}, paced`)) continue;
        const attack = { port: relay.port, kind, addresses, perSecond, owner: world.ownerKey };
        const entry = { what, mode: 'paced', goal: goals.paced, ...(await alternate(parts, attack)) };
        entries.push(entry);
        onEntry(entry);
      }
    }
    await honest.ask('stop', { name: 'connects' });
    entries.push(...(await measureUnbounded(parts, await startTargets(stage, world, options.withFloor))));
    return {
      entries,
      refusals: relay.refusals,
      peakBytes: relay.peakBytes(),
      stillRuns: relay.child.exitCode === null,
    };
  } finally {
    await stage.stop();
  }
}

/** Calm and flooded slices in turn. */
async function alternate({ world, flood, rounds, sliceMs, settleMs, least, profiler }, attack) {
  const { honest, relay } = world;
  const names = ['requests', 'connects'];
  const seen = { calm: [], flooded: [] };
  for (let round = 0; round < rounds; round++) {
    seen.calm.push(await slice({ honest, relay, names, sliceMs, least }));
    seen.flooded.push(await floodedSlice({ flood, honest, relay, names, sliceMs, settleMs, least, profiler }, attack));
    await sleep(settleMs);
  }
  return summarize(seen, names);
}

async function floodedSlice({ flood, settleMs, profiler, ...parts }, attack) {
  await flood.ask('start', attack);
  // Its links are what the attempts are made on.
  if (attack.kind === 'connect') await sleep(settleMs);
  const { pid } = parts.relay;
  profiler?.begin(pid);
  const before = await flood.ask('snapshot');
  const seen = await slice(parts);
  const after = await flood.ask('snapshot');
  const profile = await profiler?.end(pid);
  await flood.ask('stop');
  const outcomes = Object.entries(after.outcomes).map(([name, count]) => [name, count - (before.outcomes[name] ?? 0)]);
  return {
    ...seen,
    profile,
    attempts: after.attempts - before.attempts,
    outcomes: Object.fromEntries(outcomes.filter(([, count]) => count > 0)),
  };
}

async function slice({ honest, relay, names, sliceMs, least }) {
  const cpuBefore = relay.cpuSeconds();
  const startMs = performance.now();
  const seen = await watch(honest, names, sliceMs, least);
  const seconds = (performance.now() - startMs) / 1_000;
  return { ...seen, seconds, relayCpu: relay.cpuSeconds() - cpuBefore };
}

/** The relay and, in turn, a forwarder that only refuses: the same honest requests, the same generator, the same run. */
async function startTargets(stage, world, withFloor) {
  const relay = { name: 'relay', honestName: 'requests', port: world.relay.port };
  if (!withFloor) return [relay];
  const first = await stage.helper('forwarder.mjs', [world.backend.port]);
  const floor = await startHelper(stage, 'refusing-forwarder.mjs', [first.port]);
  const last = await stage.helper('forwarder.mjs', [floor.forward]);
  await world.honest.ask('requests', { name: 'floor', port: last.port, perSecond: requestsPerSecond });
  return [
    relay,
    { name: 'destroy', honestName: 'floor', port: floor.destroy },
    { name: 'answer503', honestName: 'floor', port: floor.answer503 },
  ];
}

async function measureUnbounded(parts, targets) {
  const { world, only, onEntry } = parts;
  const entries = [];
  for (const kind of kinds) {
    for (const addresses of crowds) {
      const what = `${kind}, ${addresses} ${addresses === 1 ? 'address' : 'addresses'}`;
      if (!only.test(`${what}, unbounded`)) continue;
      const of = await alternateTargets(parts, targets, { kind, addresses, width, owner: world.ownerKey });
      const flooded = (name) => Object.values(of[name].traffic)[0].flooded;
      const ratiosOf = (key) =>
        Object.fromEntries(targets.slice(1).map(({ name }) => [name, flooded('relay')[key] / flooded(name)[key]]));
      const ratios = { ratios: ratiosOf('p99'), pooledRatios: ratiosOf('pooledP99') };
      const entry = { what, mode: 'unbounded', goal: goals.unbounded, of, ...ratios };
      entries.push(entry);
      onEntry(entry);
    }
  }
  return entries;
}

async function alternateTargets({ world, flood, rounds, sliceMs, settleMs, least, profiler }, targets, attack) {
  const { honest, relay } = world;
  const seen = Object.fromEntries(targets.map(({ name }) => [name, { calm: [], flooded: [] }]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, honestName, port } of rotate(targets, round)) {
      const parts = { honest, relay, names: [honestName], least };
      seen[name].calm.push(await slice({ ...parts, sliceMs: sliceMs / 2 }));
      const slices = { ...parts, flood, sliceMs, settleMs, profiler: name === 'relay' ? profiler : undefined };
      seen[name].flooded.push(await floodedSlice(slices, { ...attack, port }));
      await sleep(settleMs);
    }
  }
  return Object.fromEntries(targets.map(({ name, honestName }) => [name, summarize(seen[name], [honestName])]));
}

function summarize({ calm, flooded }, names) {
  const traffic = {};
  for (const name of names) {
    const of = (slices) => {
      const latencies = slices.flatMap((one) => one[name].latencies);
      const p99s = slices.map((one) => quantile(one[name].latencies, 0.99));
      return {
        count: latencies.length,
        p50: quantile(latencies, 0.5),
        // Of the slices, so that one in which the machine did something else does not decide.
        p99: quantile(p99s, 0.5),
        /** Of all slices together, where one decides in which the relay stood still. */
        pooledP99: quantile(latencies, 0.99),
        p99s,
        failures: slices.flatMap((one) => one[name].failures),
        wrong: slices.at(-1)[name].wrong,
        waiting: slices.at(-1)[name].waiting,
      };
    };
    const [before, under] = [of(calm), of(flooded)];
    const ratios = under.p99s.map((value, round) => value / before.p99s[round]);
    traffic[name] = { calm: before, flooded: under, ratio: quantile(ratios, 0.5) };
  }
  const outcomes = {};
  let attempts = 0;
  for (const one of flooded) {
    attempts += one.attempts;
    for (const [name, count] of Object.entries(one.outcomes)) outcomes[name] = (outcomes[name] ?? 0) + count;
  }
  const sum = (slices, key) => slices.reduce((total, one) => total + one[key], 0);
  const seconds = sum(flooded, 'seconds');
  const idleShare = sum(calm, 'relayCpu') / sum(calm, 'seconds');
  const share = sum(flooded, 'relayCpu') / seconds;
  const profiles = flooded.flatMap(({ profile }) => profile ?? []);
  return {
    traffic,
    ...(profiles.length > 0 ? { profile: summarizeProfiles(profiles) } : {}),
    attempts,
    attemptsPerSecond: attempts / seconds,
    outcomes,
    relayCpuShare: { calm: idleShare, flooded: share },
    relayMicrosecondsPerAttempt: attempts === 0 ? 0 : ((share - idleShare) * seconds * 1e6) / attempts,
  };
}

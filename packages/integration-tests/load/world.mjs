// The real relay with the limits of one address in force for everybody, an owner and a dialer as they are installed, and what
// honest programs do through them.
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { loadCrypto } from '@sealane/crypto';
import { parseId } from '@sealane/crypto/credential';
import { peakMemoryBytes } from '@sealane/testkit';
import { startDialer, startOwner } from '../../../bench/peers/sealane.mjs';
import { cpuSeconds, residentBytes } from '../../../bench/process-table.mjs';
import { untilCarrying } from '../../../bench/stage.mjs';

export const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(dirname(here)));

const longestMs = 30_000;
const answerMs = 90_000;

/** A process of `programs/` that answers questions, each within `mostMs`: also one that ended, or that hangs. */
export async function startHelper(stage, name, args = [], { mostMs = answerMs } = {}) {
  const helper = await stage.helper(name, args, { file: join(here, 'programs', name) });
  const ask = (command, options) => within(helper.ask(command, options), mostMs, `${name} did not answer "${command}"`);
  return { ...helper, ask };
}

async function within(promise, ms, complaint) {
  let timer;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${complaint} within ${ms / 1_000} s`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** `nodeOptions` are for Node itself; `said` collects the relay's events by name. */
export async function startRelay(stage, { options = [], nodeOptions = [] } = {}) {
  const home = stage.directory('relay');
  const file = join(root, 'apps/relay/dist/main.js');
  const args = [...nodeOptions, file, '--listen', '127.0.0.1:0', '--data-dir', join(home, 'data'), '--json'];
  const relay = await stage.program([...args, '--limit-loopback', ...options], { eventName: 'listening', home });
  const refusals = {};
  let lines = 0;
  let rest = '';
  relay.child.stdout.on('data', (text) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop();
    for (const line of parts) {
      lines++;
      const { event, code, count } = JSON.parse(line);
      if (event === 'refused') refusals[code] = (refusals[code] ?? 0) + count;
    }
  });
  return {
    pid: relay.pid,
    child: relay.child,
    url: relay.event.url,
    port: Number(new URL(relay.event.url).port),
    refusals,
    lines: () => lines,
    cpuSeconds: () => cpuSeconds([relay.pid]),
    residentBytes: () => residentBytes([relay.pid]),
    peakBytes: () => peakMemoryBytes(relay.pid),
  };
}

/** The relay with one honest owner and one honest dialer, whose session stands. */
export async function startWorld(stage, options) {
  await loadCrypto();
  const backend = await stage.helper('backend.mjs');
  const relay = await startRelay(stage, options);
  const owner = await startOwner(stage, backend.port, relay.url, {});
  const { address } = owner.event;
  const dialer = await startDialer(stage, address, {});
  const port = Number(dialer.event.address.split(':').at(-1));
  await untilCarrying(port, [dialer.child]);
  const honest = await startHelper(stage, 'honest.mjs');
  return { backend, relay, owner, dialer, address, port, honest, ownerKey: [...parseId(owner.event.id)] };
}

/**
 * What honest programs saw for this long: latencies in ms, and what went wrong. With `least` until the first of them has
 * done so much, on a machine however busy. Throws where it does not, or where the connection of requests is over.
 */
export async function watch(honest, names, ms, least = 0) {
  for (const name of names) await honest.ask('snapshot', { name });
  const seen = {};
  const deadlineMs = performance.now() + longestMs;
  do {
    await sleep(ms);
    for (const name of names) {
      const { latencies, failures, ...rest } = await honest.ask('snapshot', { name });
      const before = seen[name] ?? { latencies: [], failures: [] };
      seen[name] = {
        ...rest,
        latencies: [...before.latencies, ...latencies],
        failures: [...before.failures, ...failures],
      };
    }
    const { latencies, failures } = seen[names[0]];
    if (failures.includes('closed')) throw new Error(`${names[0]}: the connection was closed`);
    if (latencies.length >= least) return seen;
  } while (performance.now() < deadlineMs);
  const { latencies, waiting } = seen[names[0]];
  throw new Error(`${names[0]}: ${latencies.length} answers within ${longestMs / 1_000} s, ${waiting} wait`);
}

// Where a relay's time goes during a flood: profiles of its CPU, by function and by module, and how late its event loop is.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { quantile } from '../../../bench/statistics.mjs';
import { here } from './world.mjs';

const mostMs = 30_000;
const shown = 15;

/** Profiles a relay that was started with these `nodeOptions`, from `begin()` to `end()`. */
export class RelayProfiler {
  #directory;
  #count = 0;

  constructor(directory) {
    this.#directory = directory;
  }

  get nodeOptions() {
    const program = pathToFileURL(join(here, 'programs/profile-relay.mjs'));
    program.searchParams.set('directory', this.#directory);
    return ['--import', program.href];
  }

  begin(pid) {
    process.kill(pid, 'SIGUSR2');
  }

  async end(pid) {
    process.kill(pid, 'SIGUSR2');
    const file = join(this.#directory, `${this.#count++}.json`);
    for (const startMs = performance.now(); !existsSync(file); await sleep(20)) {
      if (performance.now() - startMs > mostMs) throw new Error('the relay wrote no profile');
    }
    return JSON.parse(readFileSync(file, 'utf8'));
  }
}

/** Of several profiles: shares of the time in which it was not idle, in per cent. */
export function summarizeProfiles(profiles) {
  const own = new Map();
  const withCalled = new Map();
  const modules = new Map();
  let busyMs = 0;
  let allMs = 0;
  for (const { profile } of profiles) {
    const ms = millisecondsByNode(profile);
    const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
    const root = profile.nodes[0];
    const visit = (node, callers) => {
      const name = nameOf(node);
      const isKnown = callers.has(name);
      let total = ms.get(node.id) ?? 0;
      allMs += total;
      if (name !== '(idle)') {
        busyMs += total;
        add(own, name, total);
        add(modules, moduleOf(node), total);
      }
      if (!isKnown) callers.add(name);
      for (const id of node.children ?? []) total += visit(nodes.get(id), callers);
      if (!isKnown) {
        callers.delete(name);
        add(withCalled, name, total);
      }
      return total;
    };
    visit(root, new Set());
  }
  const most = (map) =>
    [...map]
      .filter(([name]) => name !== '(root)' && name !== '(idle)')
      .sort(([, one], [, other]) => other - one)
      .slice(0, shown)
      .map(([name, ms]) => [name, Number(((100 * ms) / busyMs).toFixed(1))]);
  const median = (each) => Number(quantile(profiles.map(each), 0.5).toFixed(1));
  return {
    busyShare: Number((busyMs / allMs).toFixed(2)),
    systemShare: median(({ userMs, systemMs }) => (100 * systemMs) / (userMs + systemMs)),
    lateMs: Object.fromEntries(['50', '90', '99', '100'].map((share) => [share, median(({ late }) => late[share])])),
    modules: most(modules),
    own: most(own),
    withCalled: most(withCalled),
  };
}

export function tellProfile(what, { busyShare, systemShare, lateMs, modules, own, withCalled }) {
  const late = Object.entries(lateMs).map(([share, ms]) => `p${share} ${ms}`);
  const lines = [
    `profile of the relay, ${what}: busy ${busyShare}, in the system ${systemShare} %, turns of the event loop ${late.join(', ')} ms`,
  ];
  const parts = { 'by module': modules, 'by function': own, 'with what they call': withCalled };
  for (const [title, entries] of Object.entries(parts)) {
    lines.push(`  ${title}, % of its busy time`, ...entries.map(([name, share]) => `    ${share}  ${name}`));
  }
  return lines.join('\n');
}

function millisecondsByNode({ samples, timeDeltas }) {
  const ms = new Map();
  samples.forEach((id, index) => {
    // A delta says how long after the one before it a sample was taken.
    add(ms, id, (timeDeltas[index + 1] ?? 0) / 1_000);
  });
  return ms;
}

function nameOf({ callFrame: { functionName, url, lineNumber } }) {
  const name = functionName === '' ? `(anonymous, line ${lineNumber + 1})` : functionName;
  return url === '' ? name : `${name} ${shortened(url)}`;
}

/** What is native has no file: it stands for itself, with what V8 names in brackets. */
function moduleOf({ callFrame: { functionName, url } }) {
  if (url !== '') return shortened(url);
  return functionName.startsWith('(') ? functionName : 'native functions';
}

/** `@sealane/server/link.js`, `pino/lib/tools.js`, `node:net`. */
function shortened(url) {
  return url.replace(/^.*\/node_modules\//, '').replace(/^file:.*\/(?:packages|apps)\/([^/]+)\/dist\//, '@sealane/$1/');
}

function add(map, key, amount) {
  map.set(key, (map.get(key) ?? 0) + amount);
}

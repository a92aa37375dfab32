// The relay under load: `pnpm load floods|sockets|steady [--quick] [--minutes N] [--rounds N] [--seconds N] [--only PATTERN]
// [--profile] [--out DIRECTORY]` (docs/load.md). Writes NAME.json, and a chart of `steady`; last line `N passed, N failed`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCommandLine, refuse } from '../../../bench/command-line.mjs';
import { measureFloods } from './floods.mjs';
import { tellProfile } from './profile.mjs';
import { checkFloods, checkSockets, checkSteady, drawSteady, floodRows, floodTables } from './results.mjs';
import { measureSockets } from './sockets.mjs';
import { measureSteady } from './steady.mjs';

const usage = `pnpm load floods|sockets|steady [options]: the relay under load (docs/load.md).

  --quick            small and short: shows that it works
  --rounds N         floods: rounds of slices (default: 11)
  --seconds N        floods: length of a slice (default: 3); sockets: how long they stay (default: 60)
  --minutes N        steady: how long (default: 30)
  --only PATTERN     floods whose name matches this regular expression
  --profile          floods: where the relay's time goes
  --set PATH=VALUE   floods: a setting of the relay; may be repeated
  --out DIRECTORY    for the results (default: sealane-load in the directory for temporary files)
  --help`;
const { options, positionals, number, pattern } = readCommandLine(
  usage,
  {
    quick: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    only: { type: 'string' },
    profile: { type: 'boolean', default: false },
    set: { type: 'string', multiple: true, default: [] },
    out: { type: 'string' },
  },
  { allowPositionals: true },
);
const { quick } = options;
const quickMs = 150_000;

const loads = {
  async floods() {
    const result = await measureFloods({
      rounds: number('rounds', quick ? 1 : 11),
      sliceMs: number('seconds', quick ? 0.15 : 3) * 1_000,
      settleMs: quick ? 50 : 1_500,
      least: quick ? 20 : 0,
      keys: quick ? 100 : 1_000,
      // Without times there is nothing to compare with.
      withFloor: !quick,
      perSecond: quick ? 300 : 1_000,
      only: pattern('only'),
      relayOptions: options.set.flatMap((setting) => ['--set', setting]),
      withProfile: options.profile,
      onEntry: (entry) => {
        const [{ profile, ...row }] = floodRows({ entries: [entry] });
        console.log(JSON.stringify(row));
        if (profile !== undefined) console.log(tellProfile(`${row.what}, ${row.mode}`, profile));
      },
    });
    const { refusals, peakBytes } = result;
    return {
      checks: checkFloods(result, { isTimed: !quick }),
      summary: { rows: floodRows(result), refusals, peakBytes },
      tables: quick ? [] : floodTables(result),
    };
  },
  async sockets() {
    const counts = quick ? [100, 200, 300] : [1_000, 6_000, 10_000, 18_000];
    const result = await measureSockets({
      counts,
      idleMs: number('seconds', quick ? 1 : 60) * 1_000,
      onPoint: ({ count, bytes, seconds }) => {
        console.log(`${count} sockets after ${seconds.toFixed(1)} s: ${(bytes / 2 ** 20).toFixed(1)} MiB`);
      },
    });
    return { checks: checkSockets(result), summary: result };
  },
  async steady() {
    const result = await measureSteady({
      minutes: number('minutes', quick ? 0.07 : 30),
      sampleMs: quick ? 700 : 10_000,
      clients: quick ? 50 : 500,
      replacedPerSecond: 4,
      floodPerSecond: quick ? 100 : 150,
      floodMs: quick ? 1_000 : 20_000,
      reportMs: quick ? 300 : 2_000,
      onSample: ({ at, memory, handles, files }) => {
        if (!quick) console.log(`${at.toFixed(0)} s: ${memory} MiB, ${handles} handles, ${files} files`);
      },
    });
    return { checks: checkSteady(result, { isLong: !quick }), summary: result, chart: drawSteady(result) };
  },
};

if (quick) {
  setTimeout(() => {
    console.error(`not done within ${quickMs / 1_000} s`);
    process.exit(1);
  }, quickMs).unref();
}
const [name] = positionals;
if (positionals.length !== 1 || !(name in loads)) {
  refuse(usage, `say which load: ${Object.keys(loads).join(', ')}`);
}
const { checks, summary, chart, tables = [] } = await loads[name]();
const out = options.out ?? join(tmpdir(), 'sealane-load');
mkdirSync(out, { recursive: true });
writeFileSync(join(out, `${name}.json`), `${JSON.stringify({ node: process.versions.node, ...summary, checks })}\n`);
if (chart !== undefined) writeFileSync(join(out, `${name}.svg`), chart);
for (const table of tables) console.log(`\n${table}\n`);
for (const { name: what, isTrue, isGoal, facts } of checks) {
  const missed = isGoal === true ? 'missed' : 'FAILED';
  console.log(`${isTrue ? 'ok    ' : missed} ${what}${isTrue ? '' : `: ${JSON.stringify(facts)}`}`);
}
console.log(`results in ${out}`);
const failed = checks.filter(({ isTrue, isGoal }) => !isTrue && isGoal !== true).length;
const passed = checks.filter(({ isTrue }) => isTrue).length;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

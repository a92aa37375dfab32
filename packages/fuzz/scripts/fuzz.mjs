// `pnpm fuzz --minutes N`: fuzzes every decoder and state machine; docs/fuzzing.md. Last line: `N passed, N failed`.
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { createInstrumentation } from './instrument.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const packageRoot = join(here, '..');
const root = join(packageRoot, '../..');
const capacity = 1 << 17;
/** An input that takes longer than this is a hang. */
const hangMs = 20_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    target: { type: 'string', multiple: true },
    input: { type: 'string' },
    jobs: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    'no-keep': { type: 'boolean', default: false },
    uncovered: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`pnpm fuzz [--minutes N] [--seed S] [--target NAME]... [--jobs N] [--no-keep] [--uncovered] [--list]
pnpm fuzz --target NAME --input BASE64`);
  process.exit(0);
}

const isProduct = (path) => /^(packages\/(types|crypto|protocol|mux|client|server)|apps\/[^/]+)\/src\//.test(path);
const { plugin, blocks } = createInstrumentation((path) => isProduct(relative(root, path)));
// Of this process alone: two runs at a time do not share it.
const bundle = join(packageRoot, `node_modules/.cache/fuzz/targets-${process.pid}.mjs`);
process.once('exit', () => rmSync(bundle, { force: true }));
await build({
  entryPoints: [join(packageRoot, 'src/run-target.ts')],
  outfile: bundle,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  conditions: ['@sealane/source'],
  plugins: [plugin],
  sourcemap: 'inline',
  logLevel: 'error',
  banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" },
});
process.setSourceMapsEnabled(true);
globalThis.__sealaneHits = new Uint8Array(Math.ceil(blocks.count / 4) * 4);
const { targets, readCorpusFile, writeCorpusFile, runInput } = await import(bundle);

const wanted = targets.filter(({ name }) => values.target === undefined || values.target.includes(name));
for (const name of values.target ?? []) {
  if (!targets.some((target) => target.name === name)) throw new Error(`there is no target ${name}; see --list`);
}
if (values.list) {
  for (const { name } of targets) console.log(name);
} else if (values.input !== undefined) {
  await reproduce();
} else {
  await fuzzAll();
}

async function reproduce() {
  if (wanted.length !== 1) throw new Error('--input needs one --target');
  const problem = await runInput(wanted[0].name, new Uint8Array(Buffer.from(values.input, 'base64')));
  console.log(problem ?? 'no rule is broken');
  process.exitCode = problem === undefined ? 0 : 1;
}

async function fuzzAll() {
  const seed = values.seed === undefined ? Date.now() % 1_000_000_007 : Number(values.seed);
  const jobs = Number(values.jobs);
  const totalMs = Number(values.minutes) * 60_000 * Math.min(jobs, wanted.length);
  if (!(totalMs > 0) || !Number.isSafeInteger(seed)) throw new Error('--minutes, --jobs and --seed are numbers');
  // Only a person's run adds to the tree.
  const keeps = !values['no-keep'] && process.env.CI === undefined;
  const weights = wanted.reduce((sum, { weight = 1 }) => sum + weight, 0);
  console.log(`${wanted.length} targets, ${blocks.count} blocks, seed ${seed}`);
  console.log(`   ${columns('target', 'executions', 'per s', 'blocks', 'new', 'corpus')}`);

  const covered = new Set();
  let passed = 0;
  let executions = 0;
  // Heavy ones first, so that no job runs alone at the end.
  const waiting = [...wanted].sort((a, b) => (b.weight ?? 1) - (a.weight ?? 1));
  const work = async () => {
    for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
      const milliseconds = (totalMs * (target.weight ?? 1)) / weights;
      const startMs = performance.now();
      const result = await runInWorker(target.name, seed, milliseconds);
      const seconds = (performance.now() - startMs) / 1_000;
      executions += result.executions;
      for (const block of result.blocks) covered.add(block);
      if (result.failure === undefined) {
        passed++;
        if (keeps) writeCorpusFile(corpusPath(target.name), result.corpus);
        const perSecond = Math.round(result.executions / seconds);
        const news = result.blocks.length - result.blocksOfCorpus;
        console.log(
          `ok ${columns(target.name, result.executions, perSecond, result.blocks.length, news, result.corpus.length)}`,
        );
      } else {
        report(target.name, result.failure);
      }
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  printCoverage(covered);
  console.log(`${executions} executions`);
  console.log(`${passed} passed, ${wanted.length - passed} failed`);
  process.exitCode = passed === wanted.length ? 0 : 1;
}

function runInWorker(name, seed, milliseconds) {
  const state = new SharedArrayBuffer(8 + capacity);
  const counters = new Int32Array(state, 0, 2);
  const task = {
    name,
    seed,
    milliseconds,
    files: blocks.files,
    corpusPath: corpusPath(name),
    failuresPath: failuresPath(name),
  };
  return new Promise((resolve) => {
    const worker = new Worker(join(here, 'worker.mjs'), {
      workerData: { bundle, blockCount: blocks.count, state, capacity, task },
      // One input that takes the memory of a machine is a failure and not the end of the run.
      resourceLimits: { maxOldGenerationSizeMb: 768 },
    });
    let last = -1;
    let sinceMs = performance.now();
    const watch = setInterval(() => {
      const now = Atomics.load(counters, 0);
      if (now !== last) {
        last = now;
        sinceMs = performance.now();
      } else if (performance.now() - sinceMs > hangMs) {
        fail(`it does not return within ${hangMs / 1_000} s`);
      }
    }, 1_000);
    const settle = (result) => {
      clearInterval(watch);
      resolve(result);
      void worker.terminate();
    };
    const fail = (message, stack = message) => {
      const input = new Uint8Array(state.slice(8, 8 + Math.min(capacity, counters[1])));
      settle({
        executions: counters[0],
        blocks: [],
        blocksOfCorpus: 0,
        corpus: [],
        failure: { message, stack, input },
      });
    };
    worker.on('message', settle);
    worker.on('error', (error) => fail(`${error.name}: ${error.message}`, error.stack));
    worker.on('exit', (code) => fail(`its thread ended with ${code}`));
  });
}

function report(name, { message, stack, input }) {
  const text = Buffer.from(input).toString('base64');
  writeCorpusFile(failuresPath(name), [...readCorpusFile(failuresPath(name)), input]);
  console.log(`FAILED ${name}: ${message}`);
  console.log(stack.replace(/^/gm, '    '));
  console.log(`    ${input.length} bytes, kept in ${relative(root, failuresPath(name))}; again:`);
  console.log(`    pnpm fuzz --target ${name} --input ${text === '' ? "''" : text}`);
}

/** What all targets together reached, by package. */
function printCoverage(covered) {
  const packages = new Map();
  for (const { path, first, lines } of blocks.files) {
    const [group, name] = relative(root, path).split('/');
    const sum = packages.get(`${group}/${name}`) ?? { hit: 0, all: 0 };
    const missed = lines.filter((_line, index) => !covered.has(first + index));
    sum.hit += lines.length - missed.length;
    sum.all += lines.length;
    packages.set(`${group}/${name}`, sum);
    if (values.uncovered && missed.length > 0 && missed.length < lines.length) {
      console.log(`   ${relative(root, path)}: not reached ${[...new Set(missed)].join(' ')}`);
    }
  }
  const shares = [...packages].map(([name, { hit, all }]) => `${name} ${hit}/${all}`);
  console.log(`blocks: ${shares.sort().join(', ')}`);
}

function corpusPath(name) {
  return join(packageRoot, 'corpus', `${name}.txt`);
}

function failuresPath(name) {
  return join(packageRoot, 'corpus/failures', `${name}.txt`);
}

function columns(name, ...rest) {
  return name.padEnd(24) + rest.map((value) => String(value).padStart(12)).join('');
}

// The gates of the repository: `node scripts/check.mjs [NAME]...`. One line per gate, then `N passed, N failed`.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { checkBrowserBundle, checkRelayBundle } from './check/bundles.mjs';
import { checkFileSizes } from './check/file-sizes.mjs';
import { checkPack, publishedPackages } from './check/packages.mjs';
import { checkPublicSurface } from './check/public-surface.mjs';
import { checkReadme } from './check/readmes.mjs';
import { root } from './check/root.mjs';
import { checkSizes } from './check/sizes.mjs';
import { tarballOf } from './check/tarballs.mjs';
import { checkWebNames } from './check/web-names.mjs';

const bin = (name) => join(root, 'node_modules/.bin', name);
const attwOptions = ['--profile', 'esm-only', '--format', 'ascii'];
const program =
  (name, ...args) =>
  () =>
    run(bin(name), args);

const gates = [
  ['biome', program('biome', 'ci', '--colors=off', '.')],
  ['build', program('turbo', 'run', 'build', '--output-logs=errors-only')],
  ['types', program('tsc', '-b')],
  ['types of tests', program('tsc', '-p', 'tsconfig.test.json')],
  ['types of examples', program('tsc', '-p', 'examples/tsconfig.json')],
  ['layers and importers', program('depcruise', 'packages', 'apps', '--config', '.dependency-cruiser.cjs')],
  ['unused code', program('knip', '--no-config-hints')],
  ['workspace', program('sherif')],
  ['file sizes', checkFileSizes],
  ['operations page', () => run(process.execPath, ['apps/relay/scripts/write-operations.mjs', '--check'])],
  ['relay bundle', checkRelayBundle],
  ['browser bundle', checkBrowserBundle],
  ['names in the browser', checkWebNames],
  ['public surface', checkPublicSurface],
  ['API reference', program('typedoc')],
  ...publishedPackages().flatMap((entry) => [
    [`publint ${entry.name}`, () => run(bin('publint'), ['--strict', entry.directory])],
    [`pack ${entry.name}`, () => checkPack(entry)],
    [`attw ${entry.name}`, async () => run(bin('attw'), [...attwOptions, await tarballOf(entry.directory)])],
    [`size ${entry.name}`, () => checkSizes(entry)],
    [`readme ${entry.name}`, () => checkReadme(entry)],
  ]),
];

const wanted = process.argv.slice(2);
let passed = 0;
let failed = 0;
const waiting = gates.filter(([name]) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
// Gates before this one build, or use every core by themselves; those of single packages go two at a time.
const alone = waiting.filter(([name]) => !isOfOnePackage(name)).length;
for (const [name, gate] of waiting.splice(0, alone)) await pass(name, gate);
await Promise.all([passWaiting(), passWaiting()]);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

function isOfOnePackage(name) {
  return /^(publint|pack|attw|size|readme) /.test(name);
}

async function passWaiting() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await pass(...next);
}

async function pass(name, gate) {
  const startMs = performance.now();
  const problems = await gate().catch((error) => String(error.stack ?? error));
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
  if (problems === '') passed++;
  else failed++;
  console.log(`${problems === '' ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (problems !== '') console.log(problems.replace(/^/gm, '    '));
}
/** The program's output if it failed, else an empty string. */
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        output += text;
      });
    }
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code) => resolve(code === 0 ? '' : output.trim() || `exit status ${code}`));
  });
}

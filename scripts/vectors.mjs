// Runs public test vectors through the built packages: `pnpm vectors [FILE...]`.
// With files only those; without, all in ../shared/vectors or in the folder that SEALANE_VECTORS names.
// The last line is `N passed, N failed, N skipped`; exit 1 if any failed.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

// What a file is, is told by its content; each kind has its module with run(path).
const kinds = [
  { module: './vectors/noise.mjs', is: (data) => isNoise(Array.isArray(data) ? data : data.vectors) },
  { module: '../packages/crypto/scripts/vectors/wycheproof.mjs', is: (data) => Array.isArray(data.testGroups) },
  {
    module: '../packages/crypto/scripts/vectors/wycheproof.mjs',
    is: (data) => Array.isArray(data) && data[0]?.pub_key !== undefined,
  },
  {
    module: '../packages/protocol/scripts/vectors/msgpack.mjs',
    is: (data) => Object.keys(data).some((key) => key.endsWith('.yaml')),
  },
];

function isNoise(vectors) {
  return Array.isArray(vectors) && vectors.some((vector) => Array.isArray(vector?.messages));
}

async function runFile(path) {
  let kind;
  try {
    const data = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof data === 'object' && data !== null) kind = kinds.find(({ is }) => is(data));
  } catch (error) {
    return failure(`cannot be read: ${error.message}`);
  }
  if (kind === undefined) return failure('holds no vectors of a known format');
  const module = new URL(kind.module, import.meta.url);
  if (!existsSync(module)) return failure(`nothing here runs it (${kind.module} is missing)`);
  try {
    const { run } = await import(module.href);
    return await run(path);
  } catch (error) {
    return failure(`could not be run: ${error.stack}`);
  }
}

function failure(note) {
  return { passed: 0, failed: 1, skipped: 0, notes: [note] };
}

function listFolder(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(json|txt)$/.test(name))
    .sort()
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

// A package manager changes into the root; INIT_CWD is where the command was typed.
function resolveArgument(file) {
  const typed = resolve(process.env.INIT_CWD ?? process.cwd(), file);
  return existsSync(typed) ? typed : resolve(file);
}

const sum = { passed: 0, failed: 0, skipped: 0 };
const named = process.argv.slice(2).filter((argument) => argument !== '--');
let files = named.map(resolveArgument);
if (named.length === 0) {
  const folder = process.env.SEALANE_VECTORS ?? join(root, '..', 'shared', 'vectors');
  if (existsSync(folder)) files = listFolder(folder);
  else console.log(`no vectors: the folder ${folder} is not there (name another in SEALANE_VECTORS)`);
}

for (const file of files) {
  const result = await runFile(file);
  const { passed, failed, skipped } = result;
  console.log(`${relative(process.cwd(), file)}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  for (const note of result.notes ?? []) console.log(`  ${note}`);
  sum.passed += passed;
  sum.failed += failed;
  sum.skipped += skipped;
}

console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
if (sum.failed > 0) process.exitCode = 1;

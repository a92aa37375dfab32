import { existsSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { root } from './root.mjs';

const e2ee = /^packages\/crypto\/src\/e2ee\//;
/** Stands in the code of the handshake and nowhere else; the client's bundle shows that the search works. */
const marker = 'Noise_';

const bundle = (entry, options = {}) =>
  build({
    absWorkingDir: root,
    ...(entry === undefined ? {} : { entryPoints: [join(root, entry)] }),
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@sealane/source'],
    logLevel: 'silent',
    legalComments: 'none',
    ...options,
  });

/** What the relay ships holds no code that could take part in a session. */
export async function checkRelayBundle() {
  const relay = await bundle('apps/relay/src/main.ts');
  const client = await bundle('packages/client/src/index.ts');
  const problems = inputsOf(relay)
    .filter((input) => e2ee.test(input))
    .map((input) => `the relay's bundle contains ${input}`);
  if (textOf(relay).includes(marker)) problems.push(`the relay's bundle contains "${marker}"`);
  if (!inputsOf(relay).some((input) => input.startsWith('packages/server/src/'))) {
    problems.push('the relay bundle does not contain the server: this check looks at the wrong file');
  }
  if (!inputsOf(client).some((input) => e2ee.test(input)) || !textOf(client).includes(marker)) {
    problems.push('the client bundle contains no e2ee code: this check looks for the wrong thing');
  }
  return problems.join('\n');
}

/** What is published is measured, as a bundler takes it: the built files, by the conditions of a browser. */
const browserOptions = { platform: 'browser', target: 'es2023', minify: true, conditions: [] };

const client = "export * from './packages/client/dist/index.js';";
const browser = "export * from './packages/client/dist/browser/index.js';";
/** What a page loads beside libsodium, and how much of it there may be: less when something was saved, never more. */
const browserEntries = [
  { name: 'client', contents: client, maxGzipBytes: 53_200 },
  { name: 'client and client/browser', contents: client + browser, maxGzipBytes: 56_700 },
];
/** Where both are to go. */
const goalBytes = 40_000;

/** The client bundles for browsers without anything of Node, and stays small. Looks at what was built. */
export async function checkBrowserBundle() {
  if (!existsSync(join(root, 'packages/client/dist/index.js'))) return 'the client is not built: pnpm build';
  const problems = [];
  for (const entry of browserEntries) {
    problems.push(...(await nodeImports(entry.contents)), ...(await sizeProblems(entry)));
  }
  problems.push(...(await leftovers()));
  return problems.join('\n');
}

async function nodeImports(contents) {
  const result = await bundleText(contents, { external: ['node:*', ...builtinModules] });
  // libsodium's own build looks for Node's generator where it finds none of the browser's.
  return Object.entries(result.metafile.inputs)
    .filter(([input]) => !/node_modules\/libsodium\//.test(input))
    .flatMap(([input, { imports }]) => imports.map(({ path, external }) => ({ input, path, external })))
    .filter(({ external }) => external === true)
    .map(({ input, path }) => `the browser bundle imports ${path} in ${input}`);
}

async function sizeProblems({ name, contents, maxGzipBytes }) {
  const result = await bundleText(contents, { external: ['libsodium-wrappers', ...builtinModules] });
  const bytes = gzipSync(textOf(result), { level: 9 }).length;
  const limits = `at most ${maxGzipBytes}, goal ${goalBytes}`;
  console.log(`       ${name}, without libsodium: ${bytes} bytes gzip, ${limits}`);
  if (bytes < 10_000) return [`${name} has ${bytes} bytes: this check looks at the wrong thing`];
  return bytes <= maxGzipBytes ? [] : [`${name} has ${bytes} bytes gzip, the limit is ${maxGzipBytes}`];
}

/** Gzip bytes of the client that a page loads, beside libsodium. */
export async function browserClientBytes() {
  const result = await bundleText(client, { external: ['libsodium-wrappers', ...builtinModules] });
  return gzipSync(textOf(result), { level: 9 }).length;
}

/** An import that is not used leaves nothing behind: `sideEffects` keeps its word, and so does every module. */
async function leftovers() {
  const unused =
    "import { connect } from './packages/client/dist/index.js'; import './packages/client/dist/browser/index.js';";
  const text = textOf(await bundleText(unused, { external: builtinModules })).trim();
  return text === '' ? [] : [`an unused import of the client leaves ${text.length} bytes in the bundle`];
}

function bundleText(contents, options) {
  const stdin = { contents, resolveDir: root, loader: 'ts' };
  return bundle(undefined, { ...browserOptions, stdin, ...options });
}

function inputsOf(result) {
  return Object.keys(result.metafile.inputs);
}

function textOf(result) {
  return result.outputFiles.map(({ text }) => text).join('\n');
}

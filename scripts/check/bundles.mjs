import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { build as viteBuild } from 'vite';
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

/** What is published is measured, as bundlers take it for production: by the conditions of a browser. */
const browserOptions = { platform: 'browser', target: 'es2023', minify: true, conditions: ['browser'] };

const all = (...entries) => entries.map((entry) => `export * from '@sealane/client${entry}';`).join('');
/**
 * What a page loads beside libsodium, and how much of it there may be: less when something was saved, never more. A page
 * that dials and one that listens are where they are to be, at 40,000 bytes; one that does both is not (decision 0110).
 */
const browserEntries = [
  { name: 'client/dial', contents: all('/dial'), maxGzipBytes: 39_500 },
  { name: 'client/listen', contents: all('/listen'), maxGzipBytes: 39_900 },
  { name: 'client', contents: all(''), maxGzipBytes: 46_800 },
  { name: 'client and client/browser', contents: all('', '/browser'), maxGzipBytes: 50_100 },
];
const goalBytes = 40_000;

/** The client bundles for browsers without anything of Node, and stays small. Looks at what was built. */
export async function checkBrowserBundle() {
  if (!existsSync(join(root, 'packages/client/dist/web/index.js'))) return 'the client is not built: pnpm build';
  const problems = [];
  for (const entry of browserEntries) {
    problems.push(...(await nodeImports(entry.contents)), ...(await sizeProblems(entry)));
  }
  problems.push(...(await leftovers()), ...strayParts());
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
  const bytes = await bytesByEsbuild(contents);
  const byVite = await bytesByVite(contents);
  const limits = `at most ${maxGzipBytes}, goal ${goalBytes}`;
  console.log(`       ${name}, without libsodium: ${bytes} bytes gzip, ${limits} (by Vite ${byVite})`);
  return [bytes, byVite].flatMap((size) => {
    if (size < 10_000) return [`${name} has ${size} bytes: this check looks at the wrong thing`];
    return size <= maxGzipBytes ? [] : [`${name} has ${size} bytes gzip, the limit is ${maxGzipBytes}`];
  });
}

async function bytesByEsbuild(contents) {
  const result = await bundleText(contents, { external: ['libsodium-wrappers', ...builtinModules] });
  return gzipSync(textOf(result), { level: 9 }).length;
}

/** All that Vite makes of it, in one file or several. */
async function bytesByVite(contents) {
  const page = '\0page.js';
  const { output } = await viteBuild({
    configFile: false,
    root: join(root, 'packages/client'),
    logLevel: 'error',
    plugins: [
      {
        name: 'page',
        resolveId: (id) => (id === page ? id : undefined),
        load: (id) => (id === page ? contents : undefined),
      },
    ],
    build: {
      write: false,
      target: 'es2023',
      rolldownOptions: { input: page, external: ['libsodium-wrappers'], preserveEntrySignatures: 'strict' },
    },
  });
  return output.reduce((sum, { code = '' }) => sum + gzipSync(code, { level: 9 }).length, 0);
}

/** Gzip bytes of the client that a page loads which dials and listens, beside libsodium. */
export async function browserClientBytes() {
  return await bytesByEsbuild(all(''));
}

/** What an earlier build left in the directory would be published with the rest. */
function strayParts() {
  const directory = join(root, 'packages/client/dist/web');
  const files = readdirSync(directory).filter((name) => name.endsWith('.js'));
  const texts = files.map((name) => readFileSync(join(directory, name), 'utf8')).join('');
  return files
    .filter((name) => name.startsWith('part-') && !texts.includes(`"./${name}"`))
    .map((name) => `dist/web/${name} belongs to no entry: remove packages/client/dist and build again`);
}

/** An import that is not used leaves nothing behind: `sideEffects` keeps its word, and so does every module. */
async function leftovers() {
  const unused =
    "import { connect } from '@sealane/client'; import '@sealane/client/browser'; import '@sealane/client/dial';";
  const text = textOf(await bundleText(unused, { external: builtinModules })).trim();
  return text === '' ? [] : [`an unused import of the client leaves ${text.length} bytes in the bundle`];
}

function bundleText(contents, options) {
  // In its own package its name leads to its exports, as it does for who installed it.
  const stdin = { contents, resolveDir: join(root, 'packages/client'), loader: 'ts' };
  return bundle(undefined, { ...browserOptions, stdin, ...options });
}

function inputsOf(result) {
  return Object.keys(result.metafile.inputs);
}

function textOf(result) {
  return result.outputFiles.map(({ text }) => text).join('\n');
}

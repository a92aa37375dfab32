import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './root.mjs';

const e2ee = /^packages\/crypto\/src\/e2ee\//;
/** Stands in the code of the handshake and nowhere else; the client's bundle shows that the search works. */
const marker = 'Noise_';

const bundle = (entry, options = {}) =>
  build({
    absWorkingDir: root,
    entryPoints: [join(root, entry)],
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

/** The client bundles for browsers without anything of Node. */
export async function checkBrowserBundle() {
  const result = await bundle('packages/client/src/index.ts', {
    platform: 'browser',
    target: 'es2023',
    minify: true,
    external: ['node:*', ...builtinModules],
  });
  // libsodium's own build looks for Node's generator where it finds none of the browser's.
  return Object.entries(result.metafile.inputs)
    .filter(([input]) => !/node_modules\/libsodium\//.test(input))
    .flatMap(([input, { imports }]) => imports.map(({ path, external }) => ({ input, path, external })))
    .filter(({ external }) => external === true)
    .map(({ input, path }) => `the browser bundle imports ${path} in ${input}`)
    .join('\n');
}

function inputsOf(result) {
  return Object.keys(result.metafile.inputs);
}

function textOf(result) {
  return result.outputFiles.map(({ text }) => text).join('\n');
}

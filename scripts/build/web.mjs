// Writes `dist/web`: what browsers load of the client. The built files of all packages in few modules, minified, with
// the names of `web-names.json` shortened and without the sentences of errors (docs/decisions/0110).
// Run in a package's directory, after its build: `node ../../scripts/build/web.mjs`.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import remapping from '@jridgewell/remapping';
import { build } from 'esbuild';
import { minify as compress } from 'terser';
import { minifySync as shorten } from 'vite';
import { withoutSentences } from './without-sentences.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');
const texts = join(root, 'packages/types/dist/v1/error-texts.js');
const entries = ['index', 'dial', 'listen', 'browser', 'ticket'];

const { names } = JSON.parse(readFileSync(join(here, 'web-names.json'), 'utf8'));

/** Errors say their code in words: `ERR_RELAY_NO_OWNER` is "relay no owner". */
const shortTexts = {
  name: 'short-texts',
  setup(build) {
    build.onLoad({ filter: /[\\/]error-texts\.js$/ }, async () => {
      const { relayNames } = await import(texts);
      return {
        contents: `
          export const bareErrors = {}, relayRefusals = {}, saidErrors = {}, RELAY = 'ERR_RELAY_';
          export const relayNames = /* @__PURE__ */ ${JSON.stringify(relayNames.join(' '))}.split(' ');
          export const textOf = (code) => code.slice(4).replaceAll('_', ' ').toLowerCase();`,
      };
    });
    build.onLoad({ filter: /[\\/]packages[\\/]\w+[\\/]dist[\\/].*\.js$/ }, ({ path }) => ({
      contents: withoutSentences(path, readFileSync(path, 'utf8')),
    }));
  },
};

/** The modules before they are minified: what they are called, their text and their map. */
export async function bundleForWeb(directory, options = {}) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: directory,
    entryPoints: Object.fromEntries(
      entries.map((name) => [name, join(directory, 'dist', name === 'index' ? 'index.js' : `${name}/index.js`)]),
    ),
    outdir: join(directory, 'dist/web'),
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    chunkNames: 'part-[hash]',
    // `name` in `import` conditions: the files as they were built, by the conditions of a browser.
    conditions: ['development'],
    external: ['libsodium-wrappers'],
    sourcemap: 'external',
    sourcesContent: false,
    // What one module takes from another gets a short name.
    minifyIdentifiers: true,
    legalComments: 'none',
    plugins: [shortTexts],
    ...options,
  });
  const texts = outputFiles.filter(({ path }) => path.endsWith('.js'));
  const named = namesOfParts(texts.map(({ path }) => basename(path)));
  const modules = texts.map(({ path, text }) => {
    const map = outputFiles.find((file) => file.path === `${path}.map`);
    return { name: named(basename(path)), code: named(text), map: JSON.parse(map.text) };
  });
  return { modules, metafile };
}

/** Parts are numbered: with a hash in its name a part of an earlier build would stay beside those of a build from a cache. */
function namesOfParts(files) {
  const parts = files.filter((name) => /^part-\w+\.js$/.test(name)).sort();
  const named = new Map(parts.map((name, index) => [name, `part-${index + 1}.js`]));
  return (text) => text.replace(/part-\w{8}\.js/g, (name) => named.get(name) ?? name);
}

const isShortened = new RegExp(`^(?:${names.join('|')})$`);

async function minified({ name, code, map }) {
  const compressed = await compress(code, {
    module: true,
    ecma: 2020,
    compress: {
      passes: 3,
      pure_getters: true,
      unsafe_arrows: true,
      unsafe_methods: true,
      keep_fargs: false,
      inline: 1,
      // A function that is called once stays one: as a closure at its call it would be made anew at every call.
      reduce_funcs: false,
    },
    // The names are chosen by the last step, which chooses better.
    mangle: false,
    sourceMap: { content: map, asObject: true },
  });
  const short = shorten(name, compressed.code, {
    module: true,
    compress: { target: 'es2023' },
    mangle: { toplevel: true },
    sourcemap: true,
  });
  if (short.errors.length > 0) throw new Error(JSON.stringify(short.errors));
  const last = typeof short.map === 'string' ? JSON.parse(short.map) : short.map;
  const whole = byLines(remapping([last, compressed.map], () => null, { decodedMappings: true }));
  // Parts have no effects of their own; bundlers warn of an import that is for effects alone.
  return {
    name,
    code: short.code.replace(/import"\.\/part-\w+\.js";/g, (text) => ' '.repeat(text.length)),
    map: whole.toString(),
  };
}

/** Where each line of a source begins: enough for a stack trace, and a third of the bytes. */
function byLines({ file, sources, mappings }) {
  const lines = mappings.map((segments) => {
    let before = '';
    return segments.flatMap((segment) => {
      const [column, source, line, sourceColumn] = segment;
      const place = `${source}:${line}`;
      if (place === before) return [];
      before = place;
      return source === undefined ? [[column]] : [[column, source, line, sourceColumn]];
    });
  });
  return remapping({ version: 3, file, sources, names: [], mappings: lines }, () => null);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const directory = process.cwd();
  const out = join(directory, 'dist/web');
  const { modules } = await bundleForWeb(directory, { mangleProps: isShortened });
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  for (const module of await Promise.all(modules.map(minified))) {
    writeFileSync(join(out, module.name), `${module.code}\n//# sourceMappingURL=${module.name}.map\n`);
    writeFileSync(join(out, `${module.name}.map`), module.map);
  }
}

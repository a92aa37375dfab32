import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../check/root.mjs';
import { must } from './command.mjs';

const compilers = { 5.9: 'typescript-5', '6.0': 'typescript', '7.0': 'typescript-7' };
const resolutions = { nodenext: 'nodenext', bundler: 'esnext' };

/** Every import path of the packages, e.g. `@sealane/crypto/e2ee`. */
export function entriesOf(packages) {
  return packages.flatMap(({ name, manifest }) =>
    Object.entries(manifest.exports)
      .filter(([, entry]) => typeof entry === 'object')
      .map(([subpath]) => name + subpath.slice(1)),
  );
}

/** An empty project with the given tarballs installed by npm, as a user has it. */
export async function createConsumer(directory, tarballs) {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{ "name": "consumer", "private": true }\n');
  await must('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...tarballs], { cwd: directory });
}

/** The programs that are compiled: every entry imported whole, and every example of the READMEs. */
export function writeSources(directory, entries, examples) {
  const sources = {
    'entries.mts': entries,
    'without-dom.mts': entries.filter((entry) => !entry.endsWith('/browser')),
    'without-node.mts': entries.filter((entry) => !/(server|\/node|\/key-file)$/.test(entry)),
  };
  for (const [file, wanted] of Object.entries(sources)) {
    const imports = wanted.map((entry, index) => `import * as entry${index} from '${entry}';`);
    const names = wanted.map((_, index) => `entry${index}`);
    const text = [...imports, `export const entries: readonly object[] = [${names.join(', ')}];`];
    writeFileSync(join(directory, file), `${text.join('\n')}\n`);
  }
  for (const example of examples) writeFileSync(join(directory, example.name), example.text);
}

/** All that is compiled: TypeScript 5.9, 6.0 and 7.0, two ways to resolve, with and without the types of browsers. */
export function compilations(examples) {
  const all = [];
  for (const [version, alias] of Object.entries(compilers)) {
    for (const [moduleResolution, module] of Object.entries(resolutions)) {
      for (const lib of [['es2023'], ['es2023', 'dom']]) {
        const name = `TypeScript ${version}, ${moduleResolution}, ${lib.join(' and ')}`;
        all.push({
          name,
          alias,
          version,
          options: { module, moduleResolution, lib, types: ['node'] },
          files: [lib.includes('dom') ? 'entries.mts' : 'without-dom.mts'],
        });
      }
    }
    all.push({
      name: `TypeScript ${version}, for browsers, without the types of Node`,
      alias,
      version,
      options: {
        module: 'esnext',
        moduleResolution: 'bundler',
        lib: ['es2023', 'esnext.disposable', 'dom'],
        types: [],
      },
      files: ['without-node.mts'],
    });
  }
  all.push({
    name: 'examples of the READMEs',
    alias: compilers['7.0'],
    version: '7.0',
    options: { module: 'nodenext', moduleResolution: 'nodenext', lib: ['es2023', 'dom'], types: ['node'] },
    files: examples.map(({ name }) => name),
  });
  return all;
}

/** Compiles, and looks into the libraries' declarations as well. */
export async function compile(directory, { name, alias, version, options, files }) {
  const compilerOptions = { noEmit: true, strict: true, skipLibCheck: false, target: 'es2023', ...options };
  const config = join(directory, `tsconfig.${name.replace(/[^a-z0-9]+/gi, '-')}.json`);
  writeFileSync(config, JSON.stringify({ compilerOptions, files }));
  const tsc = join(root, 'node_modules', alias, 'bin/tsc');
  const printed = await must(process.execPath, [tsc, '--version']);
  if (!printed.startsWith(`Version ${version}.`)) throw new Error(`this is not TypeScript ${version}: ${printed}`);
  await must(process.execPath, [tsc, '-p', config], { cwd: directory });
}

/** Loads every entry with the statement given, by the Node that runs this. */
export async function load(directory, file, entries, statementFor) {
  const lines = entries.map(
    (entry) => `${statementFor(entry)}\nif (Object.keys(loaded).length === 0) throw new Error('${entry} is empty'); }`,
  );
  writeFileSync(join(directory, file), `${lines.join('\n')}\nconsole.log('loaded ${entries.length}');\n`);
  const printed = await must(process.execPath, ['--throw-deprecation', file], { cwd: directory });
  if (printed !== `loaded ${entries.length}\n`) throw new Error(`printed ${printed}`);
}

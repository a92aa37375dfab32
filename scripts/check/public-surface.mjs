// What each entry of each package exports, against the checked-in list `exports.txt` beside its package.json.
// `node scripts/check/public-surface.mjs --write` writes the lists from the built declarations.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { publishedPackages } from './packages.mjs';
import { root } from './root.mjs';

const list = 'exports.txt';
const kinds = [
  [ts.SymbolFlags.Class, 'class'],
  [ts.SymbolFlags.Interface, 'interface'],
  [ts.SymbolFlags.Function, 'function'],
  [ts.SymbolFlags.TypeAlias, 'type'],
  [ts.SymbolFlags.Variable, 'const'],
];

export function checkPublicSurface() {
  const problems = publishedPackages().flatMap(referenceProblems);
  for (const [file, text] of listsOf(publishedPackages())) {
    const expected = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (expected === text) continue;
    const [before, after] = [new Set(namedLines(expected)), new Set(namedLines(text))];
    problems.push(`${relative(root, file)} does not name what is exported:`);
    for (const line of before) if (!after.has(line)) problems.push(`  gone: ${line}`);
    for (const line of after) if (!before.has(line)) problems.push(`  new:  ${line}`);
  }
  if (problems.length > 0) problems.push('If that is meant: node scripts/check/public-surface.mjs --write');
  return Promise.resolve(problems.join('\n'));
}

/** The API reference begins at the same entries. */
function referenceProblems({ directory, manifest }) {
  const sources = Object.values(manifest.exports ?? {}).flatMap((entry) => entry['@sealane/source'] ?? []);
  if (sources.length === 0) return [];
  const file = join(directory, 'typedoc.json');
  const entryPoints = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).entryPoints : [];
  if (sources.every((source) => entryPoints.includes(source)) && entryPoints.length === sources.length) return [];
  return [`${relative(root, file)} must have the entryPoints ${sources.join(', ')}`];
}

/** Each line with the entry that it stands under, so that a move between entries shows. */
function namedLines(text) {
  let entry = '';
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('  ')) entry = line;
    return line.startsWith('  ') ? [`${entry} ${line.trim()}`] : [];
  });
}

function listsOf(packages) {
  const libraries = packages.map((entry) => ({ ...entry, entries: entriesOf(entry) }));
  const files = libraries.flatMap(({ entries }) => entries.map(({ file }) => file));
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    noResolve: false,
    noLib: true,
    types: [],
  });
  const checker = program.getTypeChecker();
  return libraries
    .filter(({ entries }) => entries.length > 0)
    .map(({ directory, entries }) => {
      const parts = entries.map(({ name, file }) => [name, ...exportsOf(program, checker, file)].join('\n'));
      return [join(directory, list), `${parts.join('\n')}\n`];
    });
}

function entriesOf({ directory, manifest, name }) {
  return Object.entries(manifest.exports ?? {})
    .filter(([, entry]) => typeof entry === 'object')
    .map(([subpath, entry]) => ({ name: name + subpath.slice(1), file: join(directory, entry.types) }));
}

function exportsOf(program, checker, file) {
  const source = program.getSourceFile(file);
  const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${file} is no module: build the declarations first (pnpm types)`);
  return checker
    .getExportsOfModule(module)
    .map((symbol) => `  ${symbol.name}: ${kindOf(checker, symbol)}`)
    .sort();
}

function kindOf(checker, symbol) {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const names = kinds.filter(([flag]) => target.flags & flag).map(([, name]) => name);
  if (names.length === 0) throw new Error(`the kind of ${symbol.name} is not known`);
  return names.join(', ');
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv.includes('--write')) {
  for (const [file, text] of listsOf(publishedPackages())) writeFileSync(file, text);
}

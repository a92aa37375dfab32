import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { root } from './root.mjs';
import { tarballOf } from './tarballs.mjs';

const budgetFile = 'scripts/check/size-budgets.json';

/** Sizes in bytes: the tarball, and each entry bundled with nothing but its own package's code, minified, gzip. */
export async function sizesOf({ directory, manifest }) {
  const sizes = { tarball: statSync(await tarballOf(directory)).size };
  for (const [name, file] of entriesOf(manifest)) {
    const result = await build({
      absWorkingDir: directory,
      entryPoints: [join(directory, file)],
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      logLevel: 'silent',
      legalComments: 'none',
      outdir: join(directory, 'dist'),
    });
    sizes[name] = result.outputFiles.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0);
  }
  return sizes;
}

function entriesOf(manifest) {
  const modules = Object.entries(manifest.exports ?? {})
    .filter(([, entry]) => typeof entry === 'object')
    .map(([subpath, entry]) => [subpath, entry.default]);
  return [...modules, ...Object.entries(manifest.bin ?? {})];
}

/** Growth is decided, not noticed: above its budget a package fails until the budget is raised beside the change. */
export async function checkSizes(entry) {
  const budgets = JSON.parse(readFileSync(join(root, budgetFile), 'utf8'))[entry.name] ?? {};
  const sizes = await sizesOf(entry);
  const problems = Object.keys(budgets)
    .filter((name) => !Object.hasOwn(sizes, name))
    .map((name) => `${budgetFile} has a budget for ${name}, which is not there`);
  for (const [name, bytes] of Object.entries(sizes)) {
    const budget = budgets[name];
    if (budget === undefined) problems.push(`${name} has ${bytes} B and no budget in ${budgetFile}`);
    else if (bytes > budget) {
      problems.push(`${name} has ${bytes} B, the budget is ${budget}: make it smaller, or raise it in ${budgetFile}`);
    }
  }
  return problems.join('\n');
}

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './root.mjs';
import { filesOf, readFromTarball, tarballOf } from './tarballs.mjs';

/** Every package and app that is not private. */
export function publishedPackages() {
  return ['packages', 'apps']
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(root, folder, name)))
    .filter((directory) => existsSync(join(directory, 'package.json')))
    .map((directory) => {
      const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
      return { directory, manifest, name: manifest.name };
    })
    .filter(({ manifest }) => manifest.private !== true);
}

/** What a published tarball must and must not hold. Returns the problems as text. */
export async function checkPack({ directory, manifest }) {
  const tarball = await tarballOf(directory);
  const files = await filesOf(tarball);
  const problems = problemsOf(manifest, new Set(files.map(({ path }) => path)));
  const packed = JSON.parse(await readFromTarball(tarball, 'package.json'));
  for (const [name, range] of Object.entries(packed.dependencies ?? {})) {
    if (/^(workspace|catalog):/.test(range)) problems.push(`${name} is packed as "${range}"`);
  }
  for (const [name, path] of Object.entries(packed.bin ?? {})) {
    const file = files.find((candidate) => candidate.path === withoutDot(path));
    if (file?.mode !== 'rwxr-xr-x') problems.push(`${name} is not executable in the tarball`);
    const text = await readFromTarball(tarball, withoutDot(path));
    if (!text.startsWith('#!/usr/bin/env node\n')) problems.push(`${name} does not begin with #!/usr/bin/env node`);
  }
  return problems.join('\n');
}

function problemsOf(manifest, files) {
  const required = ['LICENSE', 'README.md', 'package.json', ...Object.values(manifest.bin ?? {}).map(withoutDot)];
  for (const entry of Object.values(manifest.exports ?? {})) {
    if (typeof entry === 'string') required.push(withoutDot(entry));
    else required.push(...pathsOf(entry).map(withoutDot));
  }
  const missing = required.filter((file) => !files.has(file)).map((file) => `missing from the tarball: ${file}`);
  const unwanted = [...files]
    .filter((file) => /[.]tsbuildinfo$|[.]test[.](ts|js)$|^[.]turbo|^test\//.test(file))
    .map((file) => `does not belong into the tarball: ${file}`);
  const rules = [];
  if (manifest.type !== 'module') rules.push('"type" must be "module"');
  if (manifest.sideEffects !== false) rules.push('"sideEffects" must be false');
  if (manifest.engines?.node !== '>=20.19') rules.push('"engines.node" must be ">=20.19"');
  if (manifest.license !== 'MIT') rules.push('"license" must be "MIT"');
  if (manifest.publishConfig?.access !== 'public') rules.push('"publishConfig.access" must be "public"');
  if (!/^\S.{20,120}[.]$/.test(manifest.description ?? '')) rules.push('"description" must be one sentence');
  if (!Array.isArray(manifest.keywords) || manifest.keywords.length === 0) rules.push('"keywords" are missing');
  for (const [subpath, entry] of Object.entries(manifest.exports ?? {})) {
    const conditions = typeof entry === 'string' ? [] : Object.keys(entry).filter((name) => !name.startsWith('@'));
    if (conditions.length > 0 && conditions[0] !== 'types') rules.push(`exports["${subpath}"] must name types first`);
  }
  return [...missing, ...unwanted, ...rules];
}

function pathsOf(entry) {
  return Object.values(entry).flatMap((value) => (typeof value === 'string' ? [value] : pathsOf(value)));
}

function withoutDot(path) {
  return path.replace(/^[.]\//, '');
}

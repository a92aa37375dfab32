import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './root.mjs';

const execute = promisify(execFile);

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
  const target = mkdtempSync(join(tmpdir(), 'sealane-pack-'));
  try {
    await execute('pnpm', ['pack', '--pack-destination', target], { cwd: directory });
    const [tarball] = readdirSync(target);
    const { stdout } = await execute('tar', ['-tzf', join(target, tarball)]);
    const files = stdout
      .trim()
      .split('\n')
      .map((file) => file.replace(/^package\//, ''));
    return problemsOf(manifest, new Set(files)).join('\n');
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

function problemsOf(manifest, files) {
  const required = ['LICENSE', 'package.json', ...Object.values(manifest.bin ?? {}).map(withoutDot)];
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

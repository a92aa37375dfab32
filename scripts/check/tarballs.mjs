import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const tarballs = new Map();
const directories = [];
process.once('exit', () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** The tarball that would be published from a package's directory; packed once per process and removed at its end. */
export function tarballOf(directory) {
  if (!tarballs.has(directory)) tarballs.set(directory, pack(directory));
  return tarballs.get(directory);
}

async function pack(directory) {
  const target = mkdtempSync(join(tmpdir(), 'sealane-pack-'));
  directories.push(target);
  await execute('pnpm', ['pack', '--pack-destination', target], { cwd: directory });
  const [name] = readdirSync(target);
  if (name === undefined) throw new Error(`nothing was packed in ${directory}`);
  return join(target, name);
}

/** Path and permission bits of every file in a tarball, e.g. `dist/main.js` and `rwxr-xr-x`. */
export async function filesOf(tarball) {
  const { stdout } = await execute('tar', ['-tvzf', tarball]);
  const lines = stdout.trim().split('\n');
  return lines.map((line) => ({ mode: line.slice(1, 10), path: line.replace(/^.*? package\//, '') }));
}

/** The text of one file in a tarball. */
export async function readFromTarball(tarball, path) {
  const { stdout } = await execute('tar', ['-xzOf', tarball, `package/${path}`], { maxBuffer: 16_777_216 });
  return stdout;
}

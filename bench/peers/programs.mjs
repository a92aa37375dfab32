import { execFile, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Servers are often outside of a user's PATH. */
const directories = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin', '/sbin'];

/** A peer that cannot take part, and why; the report shows it. */
export class MissingPeerError extends Error {}

/** The path of the first of these programs that is installed. */
export function findProgram(...names) {
  for (const name of names) {
    for (const directory of directories.filter((entry) => entry !== '')) {
      const path = join(directory, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not here.
      }
    }
  }
  throw new MissingPeerError(`${names[0]} is not installed`);
}

/** Runs a program to its end; its output, of errors as well. */
export async function outputOf(file, args, options = {}) {
  try {
    const { stdout, stderr } = await promisify(execFile)(file, args, options);
    return stdout + stderr;
  } catch (error) {
    throw new MissingPeerError(`${file} failed: ${String(error.stderr || error.message).trim()}`);
  }
}

/** The version that a program tells, as it tells it. */
export function versionOf(file, args, pattern) {
  const { stdout, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  return pattern.exec(`${stdout}${stderr}`)?.[0] ?? 'unknown version';
}

import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from './key-file-error.js';

/**
 * Makes a directory and those above it that are missing, all of mode 0700; fails with the error of the system.
 * Node's own recursive way never comes back where the system says that a directory is missing inside one that exists, as
 * below /proc.
 */
export async function makeDirectories(path: string): Promise<void> {
  if (await makeOne(path)) return;
  const parent = dirname(path);
  if (parent !== path) await makeDirectories(parent);
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => passIfThere(path, error));
}

/** False when the directory above it is missing. */
async function makeOne(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    await passIfThere(path, error);
  }
  return true;
}

/** Whatever the system says about making it, a directory that is there is what was wanted. */
async function passIfThere(path: string, error: unknown): Promise<void> {
  const isDirectory = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isDirectory) throw error;
}

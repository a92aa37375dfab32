import { open, stat, unlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { SealaneError } from '@sealane/types';
import { errnoOf, keyFileError } from './key-file-error.js';

/** A change takes milliseconds: an older lock belongs to a process that was killed. */
const STALE_LOCK_MS = 10_000;
const RETRY_MS = 20;
const MAX_TRIES = 100;

/**
 * Runs `change` while no other process changes the key file, so that none of two rotations is lost.
 * ERR_KEY_FILE_BUSY if another one holds the file for two seconds.
 */
export async function withKeyFileLock<T>(path: string, change: () => Promise<T>): Promise<T> {
  const lockPath = `${path}.lock`;
  for (let tries = 0; !(await tryLock(lockPath)); tries += 1) {
    if (tries >= MAX_TRIES)
      throw new SealaneError('ERR_KEY_FILE_BUSY', 'another process is changing the key file', { retryable: true });
    await delay(RETRY_MS);
  }
  try {
    return await change();
  } finally {
    await removeLock(lockPath);
  }
}

async function tryLock(lockPath: string): Promise<boolean> {
  try {
    await (await open(lockPath, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw keyFileError(lockPath, error);
  }
  if (await isStale(lockPath)) await removeLock(lockPath);
  return false;
}

async function isStale(lockPath: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(lockPath)).mtimeMs > STALE_LOCK_MS;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw keyFileError(lockPath, error);
  }
}

async function removeLock(lockPath: string): Promise<void> {
  try {
    await unlink(lockPath);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw keyFileError(lockPath, error);
  }
}

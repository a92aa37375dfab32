import { dirname } from 'node:path';
import { isSealaneError, SealaneError } from '@sealane/types';
import { Credential } from '../credential/credential.js';
import { decodeKeyFile } from '../credential/key-file-content.js';
import { wipe } from '../primitives/bytes.js';
import { withKeyFileLock } from './key-file-lock.js';
import { makeDirectories } from './make-directories.js';
import {
  type FileVersion,
  readSecretFileVersion,
  type WriteSecretFileOptions,
  writeSecretFile,
} from './secret-file.js';

/** Writes a new key file of mode 0600. ERR_KEY_FILE_EXISTS unless `overwrite`; ERR_KEY_FILE_IO. */
export async function createKeyFile(
  path: string,
  credential: Credential,
  options: WriteSecretFileOptions = {},
): Promise<void> {
  const bytes = credential.encode();
  try {
    await writeSecretFile(path, bytes, options);
  } finally {
    wipe(bytes);
  }
}

/**
 * The identity in a key file. A previous epoch whose date has come at `nowMs` (Unix milliseconds) is erased, in the
 * file as well. ERR_KEY_FILE_MISSING, ERR_KEY_FILE_PERMISSIONS, ERR_KEY_FILE_INVALID, ERR_KEY_FILE_IO.
 */
export async function loadKeyFile(path: string, nowMs: number = Date.now()): Promise<Credential> {
  return (await loadKeyFileVersion(path, nowMs)).credential;
}

/** The identity in a key file; where there is none, a new one is created with its directories (mode 0700). */
export async function loadOrCreateKeyFile(path: string): Promise<Credential> {
  try {
    return await loadKeyFile(path);
  } catch (error) {
    if (!isSealaneError(error, 'ERR_KEY_FILE_MISSING')) throw error;
  }
  const credential = await Credential.create();
  try {
    await makeDirectory(path);
    await createKeyFile(path, credential);
    return credential;
  } catch (error) {
    if (!isSealaneError(error, 'ERR_KEY_FILE_EXISTS')) throw error;
    // Another process was first; its identity is the one of this file.
    return await loadKeyFile(path);
  }
}

/**
 * Puts the identity of a key file into its next epoch and returns it. The present epoch's secret is kept for a day
 * from `nowMs` (Unix milliseconds). Errors as {@link loadKeyFile}, and ERR_KEY_FILE_BUSY.
 */
export function rotateKeyFile(path: string, nowMs: number = Date.now()): Promise<Credential> {
  return withKeyFileLock(path, async () => {
    const { credential } = await readCredential(path, nowMs);
    const rotated = credential.rotate({ nowMs });
    await createKeyFile(path, rotated, { overwrite: true });
    return rotated;
  });
}

export interface LoadedKeyFile {
  readonly credential: Credential;
  readonly version: FileVersion;
}

export async function loadKeyFileVersion(path: string, nowMs: number): Promise<LoadedKeyFile> {
  const loaded = await readCredential(path, nowMs);
  if (!loaded.isOutdated) return loaded;
  return await withKeyFileLock(path, async () => {
    // Read again under the lock: another process may have rotated or erased meanwhile.
    const present = await readCredential(path, nowMs);
    if (!present.isOutdated) return present;
    await createKeyFile(path, present.credential, { overwrite: true });
    return await readCredential(path, nowMs);
  });
}

async function readCredential(path: string, nowMs: number): Promise<LoadedKeyFile & { readonly isOutdated: boolean }> {
  const { bytes, version } = await readSecretFileVersion(path);
  try {
    const credential = await Credential.decode(bytes, nowMs);
    const isOutdated = credential.eraseAtMs === undefined && decodeKeyFile(bytes).previous !== undefined;
    return { credential, version, isOutdated };
  } finally {
    wipe(bytes);
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await makeDirectories(dirname(path));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SealaneError('ERR_KEY_FILE_IO', `${path} cannot be made: ${reason}`, { cause: error });
  }
}

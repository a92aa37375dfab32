import { resolve } from 'node:path';
import type { Credential } from '@sealane/crypto/credential';
import { KeyFileWatcher, loadKeyFile, loadOrCreateKeyFile } from '@sealane/crypto/key-file';
import { isSealaneError, SealaneError } from '@sealane/types';
import { loadConfigFile } from './config-file.js';
import { defaultIdentityFile } from './paths.js';

export interface IdentityFile {
  readonly path: string;
  readonly credential: Credential;
}

/**
 * The identity in use: --identity, else the configuration file's, else the default file, which alone is created at
 * first use. A named file that is missing is a mistake, not a wish for a new identity.
 */
export async function loadIdentity(option: string | undefined): Promise<IdentityFile> {
  const named = option === undefined ? (await loadConfigFile()).identity : resolve(option);
  if (named !== undefined) return { path: named, credential: await withPath(named, loadKeyFile) };
  const path = defaultIdentityFile();
  return { path, credential: await withPath(path, loadOrCreateKeyFile) };
}

/** The identity as a source that reads its file again when it changed. */
export async function watchIdentity(
  option: string | undefined,
): Promise<{ readonly id: string; readonly source: KeyFileWatcher }> {
  const { path, credential } = await loadIdentity(option);
  return { id: credential.id, source: new KeyFileWatcher(path) };
}

/** What is wrong with a key file says which one it is. */
async function withPath(path: string, load: (path: string) => Promise<Credential>): Promise<Credential> {
  try {
    return await load(path);
  } catch (error) {
    if (!isSealaneError(error) || error.message.includes(path)) throw error;
    throw new SealaneError(error.code, `${path}: ${error.message}`, { cause: error, details: error.details });
  }
}

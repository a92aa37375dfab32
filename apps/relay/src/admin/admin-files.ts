import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { readSecretFile, writeSecretFile } from '@sealane/crypto/key-file';
import { isSealaneError } from '@sealane/types';
import type { AccessTokens } from './access-tokens.js';

/** In the data directory, both with mode 0600. */
export const ADMIN_TOKEN_FILE = 'admin-token';
export const ADMIN_URL_FILE = 'admin-url';

/**
 * Sees to it that the data directory's file has a token with the role admin that holds: the first one is made at the first
 * start with an admin listener, another one when the file is gone or its token does not hold any more.
 * @throws ERR_KEY_FILE_*, ERR_DATABASE*
 */
export async function ensureAdminToken(
  dataDir: string,
  tokens: AccessTokens,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  const file = join(dataDir, ADMIN_TOKEN_FILE);
  const text = await readText(file);
  const known = text === undefined ? undefined : tokens.find(text);
  if (known?.role === 'admin') return { id: known.id, isNew: false };
  const made = tokens.create({
    role: 'admin',
    label: ADMIN_TOKEN_FILE,
    expiresAt: null,
    createdBy: 'relay',
  });
  try {
    await writeSecretFile(file, Buffer.from(`${made.text}\n`), { overwrite: true });
  } catch (error) {
    tokens.revoke(made.token.id);
    throw error;
  }
  return { id: made.token.id, isNew: true };
}

/** Where the relay that runs can be asked. Returns how to take it back. */
export async function announceAdminUrl(dataDir: string, url: string): Promise<() => void> {
  const file = join(dataDir, ADMIN_URL_FILE);
  await writeSecretFile(file, Buffer.from(`${url}\n`), { overwrite: true });
  const takeBack = (): void => rmSync(file, { force: true });
  // Also when a second signal ends the process at once.
  process.once('exit', takeBack);
  return takeBack;
}

/** A relay that was killed has left it: what answers there now is not this relay, and is not to be shown a token. */
export function forgetAdminUrl(dataDir: string): void {
  rmSync(join(dataDir, ADMIN_URL_FILE), { force: true });
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return Buffer.from(await readSecretFile(file))
      .toString('utf8')
      .trim();
  } catch (error) {
    if (isSealaneError(error, 'ERR_KEY_FILE_MISSING')) return undefined;
    throw error;
  }
}

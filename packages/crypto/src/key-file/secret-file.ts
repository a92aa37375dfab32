import { constants } from 'node:fs';
import { type FileHandle, link, open, realpath, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SealaneError, systemRandomBytes } from '@sealane/types';
import { errnoOf, keyFileError } from './key-file-error.js';

const OWNER_ONLY = 0o600;
const OTHERS = 0o077;

/** More than any file of secrets that Sealane writes. */
const MAX_SECRET_FILE_BYTES = 65_536;

export interface WriteSecretFileOptions {
  /** Replaces what is there in one step. Default false: an existing file is ERR_KEY_FILE_EXISTS. */
  readonly overwrite?: boolean;
}

/** What tells one version of a file from the next without reading it. */
export interface FileVersion {
  readonly device: bigint;
  readonly inode: bigint;
  readonly size: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

/**
 * Writes a file of mode 0600 that is there whole or not at all: a temporary file beside it, flushed, then linked
 * (exclusive) or renamed (overwrite). Of several processes that create it at once exactly one succeeds. A symbolic
 * link that is overwritten stays, its target is replaced. Errors: ERR_KEY_FILE_EXISTS, ERR_KEY_FILE_IO.
 */
export async function writeSecretFile(
  path: string,
  bytes: Uint8Array,
  options: WriteSecretFileOptions = {},
): Promise<void> {
  try {
    const target = options.overwrite ? await targetOf(path) : path;
    const directory = dirname(target);
    const temporary = join(directory, `.${basename(target)}.${process.pid}.${randomSuffix()}`);
    try {
      await writeFlushed(temporary, bytes);
      if (options.overwrite) await rename(temporary, target);
      else await link(temporary, target);
    } finally {
      await removeIfThere(temporary);
    }
    await flushDirectory(directory);
  } catch (error) {
    throw keyFileError(path, error);
  }
}

/**
 * The bytes of a secret file, at most 64 KiB. What is checked is the file that was opened, whatever the path names a
 * moment later: a regular file (ERR_KEY_FILE_INVALID), which only its owner may use (ERR_KEY_FILE_PERMISSIONS; not
 * checked on Windows). Also ERR_KEY_FILE_MISSING, ERR_KEY_FILE_IO.
 */
export async function readSecretFile(path: string): Promise<Uint8Array> {
  return (await readSecretFileVersion(path)).bytes;
}

export async function readSecretFileVersion(path: string): Promise<{ bytes: Uint8Array; version: FileVersion }> {
  let handle: FileHandle | undefined;
  try {
    // Without O_NONBLOCK a named pipe in this place would hold the process for ever.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) throw new SealaneError('ERR_KEY_FILE_INVALID', `${path} is not a regular file`);
    if (process.platform !== 'win32' && (Number(stats.mode) & OTHERS) !== 0) {
      throw new SealaneError(
        'ERR_KEY_FILE_PERMISSIONS',
        `others can use ${path}; allow its owner alone: chmod 600 ${path}`,
      );
    }
    const bytes = await readBounded(handle, path);
    return { bytes, version: versionOf(stats) };
  } catch (error) {
    throw keyFileError(path, error);
  } finally {
    await handle?.close();
  }
}

export function versionOf(stats: {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}): FileVersion {
  return {
    device: stats.dev,
    inode: stats.ino,
    size: stats.size,
    modifiedNs: stats.mtimeNs,
    changedNs: stats.ctimeNs,
  };
}

async function readBounded(handle: FileHandle, path: string): Promise<Uint8Array> {
  const buffer = new Uint8Array(MAX_SECRET_FILE_BYTES + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  if (length > MAX_SECRET_FILE_BYTES) throw new SealaneError('ERR_KEY_FILE_INVALID', `${path} is too large`);
  const bytes = buffer.slice(0, length);
  buffer.fill(0);
  return bytes;
}

async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx', OWNER_ONLY);
  try {
    // The umask may have taken the owner's own rights.
    await handle.chmod(OWNER_ONLY);
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Where a link in this place points to; a link to nothing is replaced like a file. */
async function targetOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return path;
    throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** Makes the new name survive a power cut. Windows has no such call. */
async function flushDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function randomSuffix(): string {
  return Buffer.from(systemRandomBytes(8)).toString('hex');
}

import { execFile } from 'node:child_process';
import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SealaneError } from '@sealane/types';
import { databaseError } from './database-error.js';
import { DATABASE_FILE } from './relay-database.js';
import { assertUsable } from './schema.js';
import { openDriver, type SqlDriver, type SqlDriverName } from './sql-driver.js';

/**
 * Writes a copy of a data directory's database as it is at one moment, also while a relay uses it: it reads what was
 * committed and holds up no write. The copy has mode 0600 and is on the disk when this returns. It takes this process for
 * as long as it lasts: a relay that serves uses {@link backupInOtherProcess}.
 * @throws ERR_FILE_EXISTS, ERR_DATABASE*
 */
export async function backup(dataDir: string, target: string, name?: SqlDriverName): Promise<void> {
  const source = join(dataDir, DATABASE_FILE);
  if (!existsSync(source)) throw new SealaneError('ERR_DATABASE', `${dataDir} has no database (${DATABASE_FILE})`);
  createEmpty(target);
  let driver: SqlDriver | undefined;
  try {
    driver = await openDriver(source, name);
    assertUsable(driver, source);
    driver.exec(`VACUUM INTO '${target.replaceAll("'", "''")}'`);
    flush(target);
    flush(dirname(target));
  } catch (error) {
    rmSync(target, { force: true });
    throw databaseError(error, source);
  } finally {
    driver?.close();
  }
}

/**
 * The same by another process (`sealane-relay backup`), so that this one goes on serving meanwhile.
 * @throws ERR_DATABASE with what it said
 */
export async function backupInOtherProcess(dataDir: string, target: string): Promise<void> {
  const program = fileURLToPath(new URL('../main.js', import.meta.url));
  try {
    await promisify(execFile)(process.execPath, [program, 'backup', dataDir, target]);
  } catch (error) {
    const text = String((error as { readonly stderr?: unknown }).stderr ?? error).trim();
    throw new SealaneError('ERR_DATABASE', `the backup failed: ${text}`, { cause: error });
  }
}

/**
 * Puts a backup in the place of a data directory's database, of which nothing stays. The caller holds the directory's
 * lock. The backup is checked first; the directory has the old database or the new one at every moment.
 * @throws ERR_DATABASE_CORRUPT, _VERSION, ERR_DATABASE
 */
export async function restore(backupFile: string, dataDir: string, name?: SqlDriverName): Promise<void> {
  const target = join(dataDir, DATABASE_FILE);
  const copy = `${target}.new`;
  if (!existsSync(backupFile)) throw new SealaneError('ERR_DATABASE', `${backupFile} does not exist`);
  let driver: SqlDriver | undefined;
  try {
    rmSync(copy, { force: true });
    createEmpty(copy);
    copyFileSync(backupFile, copy);
    driver = await openDriver(copy, name);
    if (assertUsable(driver, backupFile) === 0) {
      // As a backup leaves it that was killed: with it in its place everything would be gone.
      throw new SealaneError('ERR_DATABASE_CORRUPT', `${backupFile} is empty`);
    }
    driver.close();
    driver = undefined;
    flush(copy);
    // The old log belongs to the old file: beside the new one it would be read as damage.
    rmSync(`${target}-wal`, { force: true });
    rmSync(`${target}-shm`, { force: true });
    renameSync(copy, target);
    flush(dataDir);
  } catch (error) {
    throw databaseError(error, backupFile);
  } finally {
    driver?.close();
    for (const file of [copy, `${copy}-wal`, `${copy}-shm`]) rmSync(file, { force: true });
  }
}

function createEmpty(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new SealaneError('ERR_FILE_EXISTS', `${file} exists already; a backup is written to a new file`);
    }
    throw databaseError(error, file);
  }
}

function flush(path: string): void {
  // Windows opens no directories.
  if (process.platform === 'win32') return;
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

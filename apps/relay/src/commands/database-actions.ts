import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isDataDirLocked, lockDataDir } from '@sealane/server';
import { isSealaneError, SealaneError } from '@sealane/types';
import { backup, restore } from '../database/backup.js';
import { RelayDatabase } from '../database/relay-database.js';
import { usageError } from '../error-line.js';
import { loadConfiguration, type ProgramFlags } from '../load-configuration.js';
import { parseAssignment } from '../settings/other-sources.js';
import { programSettings } from '../settings/program-settings.js';
import { AdminClient } from './admin-client.js';

/** When a change holds that was written beside the relay, or told to it. */
type Holds = 'now' | 'at reload' | 'at start';

const holdsText: Readonly<Record<Holds, string>> = {
  now: 'it holds',
  'at reload': 'the relay that runs has no admin API that can be asked, and takes it when it gets SIGHUP',
  'at start': 'the next relay on this directory takes it',
};

/** @throws ERR_FILE_EXISTS, ERR_DATABASE* */
export async function backupTo(dir: string, file: string, flags: ProgramFlags): Promise<void> {
  await backup(dir, resolve(file));
  print(flags, { file }, `${file} is written`);
}

/** @throws ERR_DATA_DIR_LOCKED, ERR_DATABASE* */
export async function restoreFrom(dir: string, file: string, flags: ProgramFlags): Promise<void> {
  if (!existsSync(dir)) throw new SealaneError('ERR_DATA_DIR', `${dir} does not exist`);
  const lock = await lockDataDir(dir);
  try {
    await restore(file, dir);
    const database = await RelayDatabase.open(dir);
    try {
      database.audit.record({ actor: 'command line', action: 'restore', subject: resolve(file) });
      await database.audit.flush();
    } finally {
      await database.close();
    }
  } finally {
    await lock.release();
  }
  print(flags, { dir }, `${dir} has the database of ${file}`);
}

/** @throws ERR_CONFIG, ERR_ARGUMENT, ERR_DATABASE* */
export async function setStored(text: string, flags: ProgramFlags): Promise<void> {
  const assignment = parseAssignment(text);
  if (assignment === undefined) throw usageError(`"${text}" is not PATH=VALUE, for example limits.maxSockets=4000`);
  const { path, raw } = assignment;
  const configuration = loadConfiguration(flags);
  const holds = await change(configuration.get(programSettings.dataDir), flags, {
    method: 'PUT',
    path,
    body: { value: raw },
  });
  if (holds !== 'now')
    await withDatabase(configuration.get(programSettings.dataDir), (database) => {
      configuration.attach(database.settings);
      configuration.set(path, raw, 'command line');
      database.audit.record({ actor: 'command line', action: 'settings.set', subject: path, details: { value: raw } });
    });
  print(flags, { path, holds }, `${path} is set; ${holdsText[holds]}`);
}

/** Also what no setting takes any more. @throws ERR_CONFIG, ERR_ARGUMENT, ERR_DATABASE* */
export async function unsetStored(path: string, flags: ProgramFlags): Promise<void> {
  const dataDir = loadConfiguration(flags).get(programSettings.dataDir);
  const holds = await change(dataDir, flags, { method: 'DELETE', path });
  if (holds !== 'now')
    await withDatabase(dataDir, (database) => {
      if (!database.settings.unset(path)) {
        const known = [...database.settings.all().keys()].join(', ');
        const hint = known === '' ? 'nothing is' : `only: ${known}`;
        throw new SealaneError('ERR_CONFIG', `${path} is not changed at run time; ${hint}`);
      }
      database.audit.record({ actor: 'command line', action: 'settings.unset', subject: path });
    });
  print(flags, { path, holds }, `${path} is not changed at run time any more; ${holdsText[holds]}`);
}

/** Tells a relay that runs on the directory, if there is one that can be told. @throws ERR_ADMIN for what it refuses */
async function change(
  dataDir: string | undefined,
  flags: ProgramFlags,
  { method, path, body }: { readonly method: string; readonly path: string; readonly body?: unknown },
): Promise<Holds> {
  if (dataDir === undefined || !existsSync(dataDir) || !(await isDataDirLocked(dataDir))) return 'at start';
  try {
    const client = await AdminClient.create(flags);
    await client.ask(method, `/api/v1/settings/${encodeURIComponent(path)}`, body);
    return 'now';
  } catch (error) {
    if (isSealaneError(error, 'ERR_ADMIN_UNREACHABLE')) return 'at reload';
    throw error;
  }
}

/** Beside a relay that runs on the directory: SQLite lets both in, and the relay reads it at its next reload. */
export async function withDatabase(
  dataDir: string | undefined,
  work: (database: RelayDatabase) => void,
): Promise<void> {
  if (dataDir === undefined) throw usageError('"dataDir" is not set; give --data-dir DIR; see --help');
  if (!existsSync(dataDir)) throw new SealaneError('ERR_DATA_DIR', `${dataDir} does not exist; start the relay once`);
  const database = await RelayDatabase.open(dataDir, { isShared: true });
  try {
    work(database);
    await database.audit.flush();
  } finally {
    await database.close();
  }
}

function print(flags: ProgramFlags, facts: Readonly<Record<string, unknown>>, text: string): void {
  process.stdout.write(flags.json === true ? `${JSON.stringify(facts)}\n` : `${text}\n`);
}

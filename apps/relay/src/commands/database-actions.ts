import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { lockDataDir } from '@sealane/server';
import { SealaneError } from '@sealane/types';
import { backup, restore } from '../database/backup.js';
import { RelayDatabase } from '../database/relay-database.js';
import { usageError } from '../error-line.js';
import { loadConfiguration, type ProgramFlags } from '../load-configuration.js';
import { parseAssignment } from '../settings/other-sources.js';
import { programSettings } from '../settings/program-settings.js';

const NEXT_RELOAD = 'a running relay takes it at its next reload (SIGHUP)';

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
  await withDatabase(configuration.get(programSettings.dataDir), (database) => {
    configuration.attach(database.settings);
    configuration.set(path, raw, 'command line');
    database.audit.record({ actor: 'command line', action: 'settings.set', subject: path, details: { value: raw } });
  });
  print(flags, { path }, `${path} is set; ${NEXT_RELOAD}`);
}

/** Also what no setting takes any more. @throws ERR_CONFIG, ERR_ARGUMENT, ERR_DATABASE* */
export async function unsetStored(path: string, flags: ProgramFlags): Promise<void> {
  const dataDir = loadConfiguration(flags).get(programSettings.dataDir);
  await withDatabase(dataDir, (database) => {
    if (!database.settings.unset(path)) {
      const known = [...database.settings.all().keys()].join(', ');
      const hint = known === '' ? 'nothing is' : `only: ${known}`;
      throw new SealaneError('ERR_CONFIG', `${path} is not changed at run time; ${hint}`);
    }
    database.audit.record({ actor: 'command line', action: 'settings.unset', subject: path });
  });
  print(flags, { path }, `${path} is not changed at run time any more; ${NEXT_RELOAD}`);
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

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@sealane/types';
import type { RunTimeStore } from '../settings/configuration.js';
import { databaseError } from './database-error.js';
import { DATABASE_FILE } from './relay-database.js';
import { assertUsable } from './schema.js';
import { SettingsRepository } from './settings-repository.js';
import { openDriver, type SqlDriver } from './sql-driver.js';
import { SqlSession } from './sql-session.js';

/** What is stored in a data directory, read once, also while a relay uses it. Undefined where there is no database. */
export async function readStoredSettings(dataDir: string): Promise<RunTimeStore | undefined> {
  const file = join(dataDir, DATABASE_FILE);
  if (!existsSync(file)) return undefined;
  let driver: SqlDriver | undefined;
  try {
    driver = await openDriver(file);
    assertUsable(driver, file);
    const values = new SettingsRepository(new SqlSession(driver, file), systemClock).all();
    return { all: () => values, set: readOnly, unset: readOnly };
  } catch (error) {
    throw databaseError(error, file);
  } finally {
    driver?.close();
  }
}

function readOnly(): never {
  throw new Error('these settings were only read');
}

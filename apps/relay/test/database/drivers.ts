import type { SqlDriverName } from '../../src/database/sql-driver.js';

/** What this Node has: its own library since 22.13. */
export const drivers: readonly SqlDriverName[] =
  process.getBuiltinModule?.('node:sqlite') === undefined ? ['libsql'] : ['libsql', 'node:sqlite'];

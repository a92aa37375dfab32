import { SealaneError } from '@sealane/types';
import { openLibsql } from './libsql-driver.js';
import { openNodeSqlite } from './node-sqlite-driver.js';

/** What a column holds. Whole numbers are at most 2^53-1 here. */
export type SqlValue = string | number | null | Uint8Array;
export type SqlRow = Readonly<Record<string, SqlValue>>;

export interface SqlStatement {
  /** Runs it to its end; the number of rows that it changed. */
  run(...values: readonly SqlValue[]): number;
  get(...values: readonly SqlValue[]): SqlRow | undefined;
  all(...values: readonly SqlValue[]): readonly SqlRow[];
}

/** An open SQLite database, whichever library speaks to it. Its errors are those of the library: see `databaseError`. */
export interface SqlDriver {
  readonly name: SqlDriverName;
  exec(sql: string): void;
  prepare(sql: string): SqlStatement;
  close(): void;
}

export type SqlDriverName = 'libsql' | 'node:sqlite';

/**
 * Opens a file with the first library that is there: libsql, whose program code comes with the package for nine
 * platforms, else Node's own (22.13 and later).
 * @throws ERR_DATABASE_DRIVER where neither is; errors of the library
 */
export async function openDriver(path: string, name?: SqlDriverName): Promise<SqlDriver> {
  const driver =
    (name === 'node:sqlite' ? undefined : await openLibsql(path)) ??
    (name === 'libsql' ? undefined : openNodeSqlite(path));
  if (driver !== undefined) return driver;
  const platform = `${process.platform} ${process.arch}`;
  throw new SealaneError(
    'ERR_DATABASE_DRIVER',
    `there is no database for Node ${process.versions.node} on ${platform}; use Node 22.13 or later, which has its own, or install without --omit=optional`,
    { details: { platform: process.platform, arch: process.arch, node: process.versions.node } },
  );
}

import { SealaneError } from '@sealane/types';
import type { SqlDriver } from './sql-driver.js';

/** Says in the file's header that it is one of ours: `Seal`. */
export const APPLICATION_ID = 0x5365616c;

/**
 * The steps from an empty file to this version. A step that was released is never changed: a new version is a new step
 * at the end, and a fixture of the version before it in `test/fixtures`. Times are Unix milliseconds.
 */
export const migrations: readonly string[] = [
  // 1
  `CREATE TABLE names (
     name TEXT PRIMARY KEY,
     owner TEXT NOT NULL,
     kept_until INTEGER -- null while a lease uses it
   ) WITHOUT ROWID;
   CREATE TABLE bans (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     kind TEXT NOT NULL CHECK (kind IN ('id', 'name', 'address', 'network')),
     value TEXT NOT NULL,
     reason TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     created_by TEXT NOT NULL,
     expires_at INTEGER,
     UNIQUE (kind, value)
   );
   CREATE TABLE approvals (
     identity TEXT NOT NULL,
     service TEXT NOT NULL,
     name TEXT,
     state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied')),
     requested_at INTEGER NOT NULL,
     decided_at INTEGER,
     decided_by TEXT,
     reason TEXT,
     PRIMARY KEY (identity, service)
   ) WITHOUT ROWID;
   CREATE TABLE enrolment_tokens (
     id TEXT PRIMARY KEY,
     hash BLOB NOT NULL UNIQUE,
     label TEXT NOT NULL,
     max_uses INTEGER,
     uses INTEGER NOT NULL DEFAULT 0,
     created_at INTEGER NOT NULL,
     created_by TEXT NOT NULL,
     expires_at INTEGER,
     revoked_at INTEGER
   );
   CREATE TABLE enrolments (
     identity TEXT PRIMARY KEY,
     token TEXT NOT NULL,
     enrolled_at INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE tickets_used (
     ticket BLOB PRIMARY KEY,
     uses INTEGER NOT NULL,
     not_after INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE INDEX tickets_used_not_after ON tickets_used (not_after);
   CREATE TABLE audit (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     at INTEGER NOT NULL,
     actor TEXT NOT NULL,
     action TEXT NOT NULL,
     subject TEXT NOT NULL,
     details TEXT NOT NULL
   );
   CREATE TABLE settings (
     path TEXT PRIMARY KEY,
     value TEXT NOT NULL, -- JSON
     changed_at INTEGER NOT NULL,
     changed_by TEXT NOT NULL
   ) WITHOUT ROWID;`,
  // 2: tokens of the admin API
  `CREATE TABLE access_tokens (
     id TEXT PRIMARY KEY,
     hash BLOB NOT NULL UNIQUE,
     role TEXT NOT NULL CHECK (role IN ('read', 'operate', 'admin')),
     label TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     created_by TEXT NOT NULL,
     expires_at INTEGER,
     revoked_at INTEGER
   );
   CREATE INDEX audit_at ON audit (at);`,
  // 3: tickets by owner; before it no relay counted any
  `ALTER TABLE tickets_used RENAME TO tickets_before;
   CREATE TABLE tickets_used (
     owner TEXT NOT NULL,
     ticket TEXT NOT NULL,
     uses INTEGER NOT NULL,
     not_after INTEGER NOT NULL,
     PRIMARY KEY (owner, ticket)
   ) WITHOUT ROWID;
   INSERT INTO tickets_used SELECT '', lower(hex(ticket)), uses, not_after FROM tickets_before;
   DROP TABLE tickets_before;
   CREATE INDEX tickets_used_not_after ON tickets_used (not_after);
   CREATE INDEX enrolments_token ON enrolments (token);`,
  // 4: when a token was used last; which tokens are told of as run out; who is enrolled for a while alone, all before it for good
  `ALTER TABLE access_tokens ADD COLUMN last_used_at INTEGER;
   ALTER TABLE access_tokens ADD COLUMN expiry_told INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE enrolment_tokens ADD COLUMN expiry_told INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE enrolments ADD COLUMN is_brief INTEGER NOT NULL DEFAULT 0;
   CREATE INDEX enrolments_brief ON enrolments (enrolled_at) WHERE is_brief = 1;`,
];

/** Version of the schema that this program writes. */
export const SCHEMA_VERSION: number = migrations.length;

/**
 * Brings a database to this version, all steps in one transaction. Returns the version that it had, 0 for an empty one.
 * @throws ERR_DATABASE_VERSION for one of a newer program, ERR_DATABASE_CORRUPT for one of another program
 */
export function migrate(driver: SqlDriver, file: string): number {
  const version = versionOf(driver, file);
  if (version === SCHEMA_VERSION) return version;
  driver.exec('BEGIN IMMEDIATE');
  try {
    for (const step of migrations.slice(version)) driver.exec(step);
    driver.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    driver.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    driver.exec('COMMIT');
  } catch (error) {
    driver.exec('ROLLBACK');
    throw error;
  }
  return version;
}

/**
 * Reads all of a database and checks that it is one of ours, whole, and not of a newer program. Changes nothing, and
 * returns its version.
 * @throws ERR_DATABASE_CORRUPT, ERR_DATABASE_VERSION
 */
export function assertUsable(driver: SqlDriver, file: string): number {
  const problem = driver.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (problem !== 'ok') {
    throw new SealaneError(
      'ERR_DATABASE_CORRUPT',
      `${file}: the database is damaged (${problem}); start from a backup`,
    );
  }
  return versionOf(driver, file);
}

/** 0 for an empty file. */
function versionOf(driver: SqlDriver, file: string): number {
  const version = pragma(driver, 'user_version');
  const application = pragma(driver, 'application_id');
  const isEmpty = driver.prepare('SELECT count(*) AS n FROM sqlite_master').get()?.['n'] === 0;
  if (application !== APPLICATION_ID && !isEmpty) {
    throw new SealaneError('ERR_DATABASE_CORRUPT', `${file} is a database of another program`);
  }
  if (version > SCHEMA_VERSION) {
    throw new SealaneError(
      'ERR_DATABASE_VERSION',
      `${file} has version ${version}, this program knows up to ${SCHEMA_VERSION}; use the newer program, or a backup from before it`,
      { details: { version, known: SCHEMA_VERSION } },
    );
  }
  return version;
}

function pragma(driver: SqlDriver, name: string): number {
  return Number(driver.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);
}

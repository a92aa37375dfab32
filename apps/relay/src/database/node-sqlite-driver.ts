import type { SqlDriver, SqlRow, SqlStatement, SqlValue } from './sql-driver.js';

const BUSY_TIMEOUT_MS = 5_000;

/** The part of `node:sqlite` in use; the types of Node 20 do not have it. */
interface NodeSqlite {
  readonly DatabaseSync: new (
    path: string,
  ) => {
    exec(sql: string): void;
    prepare(sql: string): {
      run(...values: readonly SqlValue[]): { readonly changes: number | bigint };
      get(...values: readonly SqlValue[]): SqlRow | undefined;
      all(...values: readonly SqlValue[]): readonly SqlRow[];
    };
    close(): void;
  };
}

/** Undefined before Node 22.13. */
export function openNodeSqlite(path: string): SqlDriver | undefined {
  const sqlite = process.getBuiltinModule?.('node:sqlite') as NodeSqlite | undefined;
  if (sqlite === undefined) return undefined;
  const database = new sqlite.DatabaseSync(path);
  database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  return {
    name: 'node:sqlite',
    exec: (sql) => database.exec(sql),
    prepare: (sql) => {
      const statement = database.prepare(sql);
      const wrapped: SqlStatement = {
        run: (...values) => Number(statement.run(...values).changes),
        get: (...values) => statement.get(...values),
        all: (...values) => statement.all(...values),
      };
      return wrapped;
    },
    close: () => database.close(),
  };
}

import type { SqlDriver, SqlRow, SqlStatement, SqlValue } from './sql-driver.js';

/** How long to wait for another process that reads or backs up. */
const BUSY_TIMEOUT_MS = 5_000;

/** Undefined where the package has no program code for this platform, or was left out at the installation. */
export async function openLibsql(path: string): Promise<SqlDriver | undefined> {
  const loaded = await import('libsql').catch(() => undefined);
  if (loaded === undefined) return undefined;
  const database = new loaded.default(path, { timeout: BUSY_TIMEOUT_MS });
  return {
    name: 'libsql',
    exec: (sql) => {
      database.exec(sql);
    },
    prepare: (sql) => {
      const statement = database.prepare(sql);
      const wrapped: SqlStatement = {
        run: (...values) => statement.run(...bound(values)).changes,
        get: (...values) => withoutMetadata(statement.get(...bound(values))),
        all: (...values) => statement.all(...bound(values)) as readonly SqlRow[],
      };
      return wrapped;
    },
    close: () => {
      database.close();
    },
  };
}

/** A single array or object would be taken for the list of all values. */
function bound(values: readonly SqlValue[]): unknown[] {
  return [values.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value))];
}

/** `get` adds how long it took, as if it were a column. */
function withoutMetadata(row: unknown): SqlRow | undefined {
  if (row === undefined) return undefined;
  const { _metadata: _, ...columns } = row as SqlRow & { readonly _metadata: SqlValue };
  return columns;
}

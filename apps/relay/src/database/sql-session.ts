import { databaseError } from './database-error.js';
import type { SqlDriver, SqlRow, SqlStatement, SqlValue } from './sql-driver.js';

/**
 * An open database as its repositories use it: statements are prepared once, errors have a code of ours, transactions
 * nest. Everything is synchronous, so that what a repository function does is one atomic step for the whole process.
 */
export class SqlSession {
  readonly #driver: SqlDriver;
  readonly #file: string;
  readonly #statements = new Map<string, SqlStatement>();
  #isInTransaction = false;

  constructor(driver: SqlDriver, file: string) {
    this.#driver = driver;
    this.#file = file;
  }

  /** Number of rows changed. @throws ERR_DATABASE* */
  run(sql: string, ...values: readonly SqlValue[]): number {
    return this.#guarded(() => this.#statement(sql).run(...values));
  }

  get(sql: string, ...values: readonly SqlValue[]): SqlRow | undefined {
    return this.#guarded(() => this.#statement(sql).get(...values));
  }

  all(sql: string, ...values: readonly SqlValue[]): readonly SqlRow[] {
    return this.#guarded(() => this.#statement(sql).all(...values));
  }

  /** All that `work` writes, or nothing of it if it throws. Inside of another one it is a part of that. @throws ERR_DATABASE* */
  transaction<T>(work: () => T): T {
    if (this.#isInTransaction) return work();
    this.#guarded(() => this.#driver.exec('BEGIN IMMEDIATE'));
    this.#isInTransaction = true;
    try {
      const result = work();
      this.#guarded(() => this.#driver.exec('COMMIT'));
      return result;
    } catch (error) {
      this.#rollBack();
      throw error;
    } finally {
      this.#isInTransaction = false;
    }
  }

  /** SQLite has rolled back by itself after some errors; a second time is one of its own. */
  #rollBack(): void {
    try {
      this.#driver.exec('ROLLBACK');
    } catch {
      // The first error is the one to tell.
    }
  }

  #statement(sql: string): SqlStatement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#driver.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw databaseError(error, this.#file);
    }
  }
}

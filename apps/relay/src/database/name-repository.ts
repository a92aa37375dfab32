import type { SqlSession } from './sql-session.js';

export interface KeptName {
  readonly name: string;
  /** Text id. */
  readonly owner: string;
  /** Unix milliseconds; null while a lease uses the name. */
  readonly keptUntil: number | null;
}

/** Names and whose they are. */
export class NameRepository {
  readonly #session: SqlSession;

  constructor(session: SqlSession) {
    this.#session = session;
  }

  all(): readonly KeptName[] {
    const rows = this.#session.all('SELECT name, owner, kept_until AS keptUntil FROM names ORDER BY name');
    return rows as unknown as readonly KeptName[];
  }

  set({ name, owner, keptUntil }: KeptName): void {
    this.#session.run(
      'INSERT INTO names (name, owner, kept_until) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, kept_until = excluded.kept_until',
      name,
      owner,
      keptUntil,
    );
  }

  /** False if nobody had it. */
  remove(name: string): boolean {
    return this.#session.run('DELETE FROM names WHERE name = ?', name) > 0;
  }
}

import type { Clock } from '@sealane/types';
import type { RunTimeStore } from '../settings/configuration.js';
import type { SettingValue } from '../settings/setting.js';
import type { SqlSession } from './sql-session.js';

/** Settings that were changed at run time. */
export class SettingsRepository implements RunTimeStore {
  readonly #session: SqlSession;
  readonly #clock: Clock;

  constructor(session: SqlSession, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
  }

  all(): ReadonlyMap<string, unknown> {
    const rows = this.#session.all('SELECT path, value FROM settings ORDER BY path');
    return new Map(rows.map((row) => [String(row['path']), parse(String(row['value']))]));
  }

  set(path: string, value: SettingValue, by: string): void {
    this.#session.run(
      `INSERT INTO settings (path, value, changed_at, changed_by) VALUES (?, ?, ?, ?)
       ON CONFLICT (path) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at, changed_by = excluded.changed_by`,
      path,
      JSON.stringify(value),
      this.#clock.wallMs(),
      by,
    );
  }

  unset(path: string): boolean {
    return this.#session.run('DELETE FROM settings WHERE path = ?', path) > 0;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Written by nobody: no setting takes it, and it is told as such.
    return undefined;
  }
}

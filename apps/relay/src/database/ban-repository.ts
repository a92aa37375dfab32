import type { SqlSession } from './sql-session.js';

export type BanKind = 'id' | 'name' | 'address' | 'network';

export interface NewBan {
  readonly kind: BanKind;
  /** In its canonical form: bans are the same if their text is. */
  readonly value: string;
  readonly reason: string;
  /** Unix milliseconds. */
  readonly createdAt: number;
  readonly createdBy: string;
  /** Unix milliseconds; null: until it is taken back. */
  readonly expiresAt: number | null;
}

export interface Ban extends NewBan {
  readonly id: number;
}

const COLUMNS =
  'id, kind, value, reason, created_at AS createdAt, created_by AS createdBy, expires_at AS expiresAt' as const;

/** Who and what is shut out. */
export class BanRepository {
  readonly #session: SqlSession;

  constructor(session: SqlSession) {
    this.#session = session;
  }

  /** Replaces reason, author and expiry of a ban of the same thing. */
  add(ban: NewBan): Ban {
    const row = this.#session.get(
      `INSERT INTO bans (kind, value, reason, created_at, created_by, expires_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (kind, value) DO UPDATE SET reason = excluded.reason, created_at = excluded.created_at,
         created_by = excluded.created_by, expires_at = excluded.expires_at
       RETURNING ${COLUMNS}`,
      ban.kind,
      ban.value,
      ban.reason,
      ban.createdAt,
      ban.createdBy,
      ban.expiresAt,
    );
    return row as unknown as Ban;
  }

  /** Undefined if there was none. */
  remove(kind: BanKind, value: string): Pick<Ban, 'expiresAt'> | undefined {
    const sql = 'DELETE FROM bans WHERE kind = ? AND value = ? RETURNING expires_at AS expiresAt';
    return this.#session.get(sql, kind, value) as unknown as Pick<Ban, 'expiresAt'> | undefined;
  }

  /** The bans in force at `nowMs`, oldest first. */
  list(nowMs: number): readonly Ban[] {
    const rows = this.#session.all(
      `SELECT ${COLUMNS} FROM bans WHERE expires_at IS NULL OR expires_at > ? ORDER BY id`,
      nowMs,
    );
    return rows as unknown as readonly Ban[];
  }

  /** Forgets bans that ran out: which. */
  prune(nowMs: number): readonly Pick<Ban, 'kind' | 'value'>[] {
    const rows = this.#session.all('DELETE FROM bans WHERE expires_at <= ? RETURNING kind, value', nowMs);
    return rows as unknown as readonly Pick<Ban, 'kind' | 'value'>[];
  }
}

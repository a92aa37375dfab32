import type { SqlSession } from './sql-session.js';

export type AccessRole = 'read' | 'operate' | 'admin';

export interface AccessToken {
  /** What lists and revocations name; no secret. */
  readonly id: string;
  readonly role: AccessRole;
  readonly label: string;
  /** Unix milliseconds. */
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  /** Unix milliseconds, a minute late at most; null: never. */
  readonly lastUsedAt: number | null;
}

export interface NewAccessToken extends Omit<AccessToken, 'revokedAt' | 'lastUsedAt'> {
  /** Of the secret; only the hash is kept. */
  readonly hash: Uint8Array;
}

const COLUMNS =
  'id, role, label, created_at AS createdAt, created_by AS createdBy, expires_at AS expiresAt, revoked_at AS revokedAt, last_used_at AS lastUsedAt' as const;

/** Tokens of the admin API. */
export class AccessTokenRepository {
  readonly #session: SqlSession;

  constructor(session: SqlSession) {
    this.#session = session;
  }

  add(token: NewAccessToken): void {
    this.#session.run(
      'INSERT INTO access_tokens (id, hash, role, label, created_at, created_by, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
      token.id,
      token.hash,
      token.role,
      token.label,
      token.createdAt,
      token.createdBy,
      token.expiresAt,
    );
  }

  /** Every token with its hash, so that the caller can compare in constant time; those that no longer hold are left out. */
  usable(nowMs: number): readonly (AccessToken & { readonly hash: Uint8Array })[] {
    const rows = this.#session.all(
      `SELECT ${COLUMNS}, hash FROM access_tokens WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?) ORDER BY created_at, id`,
      nowMs,
    );
    return rows as unknown as readonly (AccessToken & { readonly hash: Uint8Array })[];
  }

  /** Oldest first, those that no longer hold among them. */
  list(): readonly AccessToken[] {
    const rows = this.#session.all(`SELECT ${COLUMNS} FROM access_tokens ORDER BY created_at, id`);
    return rows as unknown as readonly AccessToken[];
  }

  noteUse(id: string, atMs: number): void {
    this.#session.run('UPDATE access_tokens SET last_used_at = ? WHERE id = ?', atMs, id);
  }

  /** Ids of those that ran out since the last call, and were not revoked before. */
  takeExpired(nowMs: number): readonly string[] {
    const rows = this.#session.all(
      'UPDATE access_tokens SET expiry_told = 1 WHERE expires_at <= ? AND expiry_told = 0 AND revoked_at IS NULL RETURNING id',
      nowMs,
    );
    return rows.map((row) => String(row['id']));
  }

  /** False if there is none, or it was revoked before. */
  revoke(id: string, nowMs: number): boolean {
    const sql = 'UPDATE access_tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL';
    return this.#session.run(sql, nowMs, id) > 0;
  }
}

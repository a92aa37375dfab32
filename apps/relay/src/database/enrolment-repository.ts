import type { SqlSession } from './sql-session.js';

export interface NewEnrolmentToken {
  /** What lists and revocations name; no secret. */
  readonly id: string;
  /** Of the secret; only the hash is kept. */
  readonly hash: Uint8Array;
  readonly label: string;
  /** null: any number. */
  readonly maxUses: number | null;
  /** Unix milliseconds. */
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number | null;
}

export interface EnrolmentToken extends Omit<NewEnrolmentToken, 'hash'> {
  readonly uses: number;
  readonly revokedAt: number | null;
}

export interface Enrolment {
  /** Text id. */
  readonly identity: string;
  /** Id of the token that it came with. */
  readonly token: string;
  readonly enrolledAt: number;
}

export type Redemption =
  | { readonly ok: true; readonly enrolment: Enrolment; readonly isNew: boolean }
  | { readonly ok: false; readonly reason: 'unknown' | 'revoked' | 'expired' | 'used-up' };

const COLUMNS =
  'id, label, max_uses AS maxUses, uses, created_at AS createdAt, created_by AS createdBy, expires_at AS expiresAt, revoked_at AS revokedAt' as const;
const ENROLMENT_COLUMNS = 'identity, token, enrolled_at AS enrolledAt' as const;

/** Enrolment tokens, and who came in with one. */
export class EnrolmentRepository {
  readonly #session: SqlSession;

  constructor(session: SqlSession) {
    this.#session = session;
  }

  addToken(token: NewEnrolmentToken): void {
    this.#session.run(
      'INSERT INTO enrolment_tokens (id, hash, label, max_uses, created_at, created_by, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
      token.id,
      token.hash,
      token.label,
      token.maxUses,
      token.createdAt,
      token.createdBy,
      token.expiresAt,
    );
  }

  /** Oldest first, those that no longer hold among them. */
  tokens(): readonly EnrolmentToken[] {
    const rows = this.#session.all(`SELECT ${COLUMNS} FROM enrolment_tokens ORDER BY created_at, id`);
    return rows as unknown as readonly EnrolmentToken[];
  }

  /** False if there is none, or it was revoked before. Who is enrolled stays so: see {@link removeByToken}. */
  revokeToken(id: string, nowMs: number): boolean {
    const sql = 'UPDATE enrolment_tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL';
    return this.#session.run(sql, nowMs, id) > 0;
  }

  /**
   * Enrols an identity with the token of this hash: one step, in which the use is counted. Who is enrolled with the same
   * token already uses nothing up, and stays enrolled when the token runs out later, but not when it is revoked.
   */
  redeem(hash: Uint8Array, identity: string, nowMs: number): Redemption {
    return this.#session.transaction(() => {
      const row = this.#session.get(`SELECT ${COLUMNS} FROM enrolment_tokens WHERE hash = ?`, hash);
      const token = row as unknown as EnrolmentToken | undefined;
      if (token === undefined) return { ok: false, reason: 'unknown' };
      if (token.revokedAt !== null) return { ok: false, reason: 'revoked' };
      const known = this.find(identity);
      if (known?.token === token.id) return { ok: true, enrolment: known, isNew: false };
      if (token.expiresAt !== null && token.expiresAt <= nowMs) return { ok: false, reason: 'expired' };
      if (token.maxUses !== null && token.uses >= token.maxUses) return { ok: false, reason: 'used-up' };
      this.#session.run('UPDATE enrolment_tokens SET uses = uses + 1 WHERE id = ?', token.id);
      const enrolment = this.#session.get(
        `INSERT INTO enrolments (identity, token, enrolled_at) VALUES (?, ?, ?)
         ON CONFLICT (identity) DO UPDATE SET token = excluded.token, enrolled_at = excluded.enrolled_at
         RETURNING ${ENROLMENT_COLUMNS}`,
        identity,
        token.id,
        nowMs,
      );
      return { ok: true, enrolment: enrolment as unknown as Enrolment, isNew: true };
    });
  }

  find(identity: string): Enrolment | undefined {
    const row = this.#session.get(`SELECT ${ENROLMENT_COLUMNS} FROM enrolments WHERE identity = ?`, identity);
    return row as unknown as Enrolment | undefined;
  }

  all(): readonly Enrolment[] {
    const rows = this.#session.all(`SELECT ${ENROLMENT_COLUMNS} FROM enrolments ORDER BY enrolled_at, identity`);
    return rows as unknown as readonly Enrolment[];
  }

  /** False if it was not enrolled. */
  remove(identity: string): boolean {
    return this.#session.run('DELETE FROM enrolments WHERE identity = ?', identity) > 0;
  }

  /** Ends the enrolments that came with a token; how many. */
  removeByToken(token: string): number {
    return this.#session.run('DELETE FROM enrolments WHERE token = ?', token);
  }
}

import { timingSafeEqual } from 'node:crypto';
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
  /** 1: it was not seen later than a day after that, so far. */
  readonly isBrief: 0 | 1;
}

export type Redemption =
  | { readonly ok: true; readonly enrolment: Enrolment; readonly isNew: boolean }
  | { readonly ok: false; readonly reason: 'unknown' | 'revoked' | 'expired' | 'used-up' };

const COLUMNS =
  'id, label, max_uses AS maxUses, uses, created_at AS createdAt, created_by AS createdBy, expires_at AS expiresAt, revoked_at AS revokedAt' as const;
const ENROLMENT_COLUMNS = 'identity, token, enrolled_at AS enrolledAt, is_brief AS isBrief' as const;

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

  /** Puts an enrolment back that was kept elsewhere; it counts as a use. False where there is one, or the token is gone. */
  restore(tokenId: string, identity: string, nowMs: number): boolean {
    return this.#session.transaction(() => {
      const token = this.#token(tokenId);
      if (token === undefined || token.revokedAt !== null || this.find(identity) !== undefined) return false;
      this.#enrol(token.id, identity, nowMs, 0);
      return true;
    });
  }

  /**
   * Ends a token and what came in with it: the identities that are enrolled no more, undefined if there is no such token
   * or it was revoked before.
   */
  revokeToken(id: string, nowMs: number): readonly string[] | undefined {
    return this.#session.transaction(() => {
      const sql = 'UPDATE enrolment_tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL';
      if (this.#session.run(sql, nowMs, id) === 0) return undefined;
      const rows = this.#session.all('DELETE FROM enrolments WHERE token = ? RETURNING identity', id);
      return rows.map((row) => String(row['identity']));
    });
  }

  /**
   * Enrols an identity with a token: one step, in which the use is counted. Who is enrolled already uses nothing up. The id
   * finds the token and is no secret; its hash is compared in the same time for every token.
   */
  redeem(id: string, hash: Uint8Array, identity: string, nowMs: number): Redemption {
    return this.#session.transaction(() => {
      const token = this.#token(id);
      if (token === undefined || token.hash.length !== hash.length || !timingSafeEqual(token.hash, hash)) {
        return { ok: false, reason: 'unknown' };
      }
      if (token.revokedAt !== null) return { ok: false, reason: 'revoked' };
      const known = this.find(identity);
      if (known !== undefined) return { ok: true, enrolment: known, isNew: false };
      if (token.expiresAt !== null && token.expiresAt <= nowMs) return { ok: false, reason: 'expired' };
      if (token.maxUses !== null && token.uses >= token.maxUses) return { ok: false, reason: 'used-up' };
      return { ok: true, enrolment: this.#enrol(token.id, identity, nowMs, 1), isNew: true };
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

  /** It is one that stays. */
  keep(identity: string): void {
    this.#session.run('UPDATE enrolments SET is_brief = 0 WHERE identity = ?', identity);
  }

  /** Forgets who was enrolled before that time and is still {@link Enrolment.isBrief}: whom. */
  pruneBrief(enrolledBefore: number): readonly string[] {
    const sql = 'DELETE FROM enrolments WHERE is_brief = 1 AND enrolled_at < ? RETURNING identity';
    return this.#session.all(sql, enrolledBefore).map((row) => String(row['identity']));
  }

  /** Ids of tokens that ran out since the last call, and were not revoked before. */
  takeExpired(nowMs: number): readonly string[] {
    const rows = this.#session.all(
      'UPDATE enrolment_tokens SET expiry_told = 1 WHERE expires_at <= ? AND expiry_told = 0 AND revoked_at IS NULL RETURNING id',
      nowMs,
    );
    return rows.map((row) => String(row['id']));
  }

  #token(id: string): (EnrolmentToken & { readonly hash: Uint8Array }) | undefined {
    const row = this.#session.get(`SELECT ${COLUMNS}, hash FROM enrolment_tokens WHERE id = ?`, id);
    return row as unknown as (EnrolmentToken & { readonly hash: Uint8Array }) | undefined;
  }

  #enrol(token: string, identity: string, enrolledAt: number, isBrief: 0 | 1): Enrolment {
    this.#session.run('UPDATE enrolment_tokens SET uses = uses + 1 WHERE id = ?', token);
    this.#session.run(
      'INSERT INTO enrolments (identity, token, enrolled_at, is_brief) VALUES (?, ?, ?, ?)',
      identity,
      token,
      enrolledAt,
      isBrief,
    );
    return { identity, token, enrolledAt, isBrief };
  }
}

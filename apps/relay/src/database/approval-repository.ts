import type { SqlSession } from './sql-session.js';

export type ApprovalState = 'pending' | 'approved' | 'denied';

/** In place of a service: whatever the identity does, also as a dialer. No service is called so. */
export const EVERY_SERVICE = '*';

export interface Approval {
  /** Text id of the owner. */
  readonly identity: string;
  /** Or {@link EVERY_SERVICE}. */
  readonly service: string;
  /** The name that the first request asked for. */
  readonly name: string | null;
  readonly state: ApprovalState;
  /** Unix milliseconds. */
  readonly requestedAt: number;
  readonly decidedAt: number | null;
  readonly decidedBy: string | null;
  readonly reason: string | null;
}

export interface ApprovalRequest {
  readonly identity: string;
  readonly service: string;
  readonly name: string | null;
  readonly requestedAt: number;
}

export interface ApprovalDecision {
  readonly identity: string;
  readonly service: string;
  readonly state: 'approved' | 'denied';
  readonly decidedAt: number;
  readonly decidedBy: string;
  readonly reason: string | null;
}

const COLUMNS =
  'identity, service, name, state, requested_at AS requestedAt, decided_at AS decidedAt, decided_by AS decidedBy, reason' as const;

/** Which leases an operator let in, by owner and service. */
export class ApprovalRepository {
  readonly #session: SqlSession;

  constructor(session: SqlSession) {
    this.#session = session;
  }

  find(identity: string, service: string): Approval | undefined {
    const row = this.#session.get(
      `SELECT ${COLUMNS} FROM approvals WHERE identity = ? AND service = ?`,
      identity,
      service,
    );
    return row as unknown as Approval | undefined;
  }

  /** Notes that somebody waits; what was decided before stays. Returns what holds now. */
  request({ identity, service, name, requestedAt }: ApprovalRequest): Approval {
    const row = this.#session.get(
      `INSERT INTO approvals (identity, service, name, state, requested_at) VALUES (?, ?, ?, 'pending', ?)
       ON CONFLICT (identity, service) DO UPDATE SET name = CASE state WHEN 'pending' THEN excluded.name ELSE name END
       RETURNING ${COLUMNS}`,
      identity,
      service,
      name,
      requestedAt,
    );
    return row as unknown as Approval;
  }

  /** Decides, also about somebody who has not asked yet. A decision about every service replaces those about one. */
  decide(decision: ApprovalDecision): Approval {
    return this.#session.transaction(() => {
      const { identity, service } = decision;
      if (service === EVERY_SERVICE) {
        this.#session.run('DELETE FROM approvals WHERE identity = ? AND service <> ?', identity, service);
      }
      return this.#decide(decision);
    });
  }

  #decide({ identity, service, state, decidedAt, decidedBy, reason }: ApprovalDecision): Approval {
    const row = this.#session.get(
      `INSERT INTO approvals (identity, service, state, requested_at, decided_at, decided_by, reason)
       VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6)
       ON CONFLICT (identity, service) DO UPDATE SET state = excluded.state, decided_at = excluded.decided_at,
         decided_by = excluded.decided_by, reason = excluded.reason
       RETURNING ${COLUMNS}`,
      identity,
      service,
      state,
      decidedAt,
      decidedBy,
      reason,
    );
    return row as unknown as Approval;
  }

  /** Those in a state, or all; the longest waiting first. */
  list(state?: ApprovalState): readonly Approval[] {
    const rows =
      state === undefined
        ? this.#session.all(`SELECT ${COLUMNS} FROM approvals ORDER BY requested_at, identity, service`)
        : this.#session.all(
            `SELECT ${COLUMNS} FROM approvals WHERE state = ? ORDER BY requested_at, identity, service`,
            state,
          );
    return rows as unknown as readonly Approval[];
  }

  /** Forgets a decision or a request. False if there was none. */
  remove(identity: string, service: string): boolean {
    return this.#session.run('DELETE FROM approvals WHERE identity = ? AND service = ?', identity, service) > 0;
  }

  /** Forgets requests that nobody decided about since then: which. */
  prunePending(requestedBefore: number): readonly Pick<Approval, 'identity' | 'service'>[] {
    const rows = this.#session.all(
      `DELETE FROM approvals WHERE state = 'pending' AND requested_at < ? RETURNING identity, service`,
      requestedBefore,
    );
    return rows as unknown as readonly Pick<Approval, 'identity' | 'service'>[];
  }
}

import type { SqlSession } from './sql-session.js';

/** How often tickets of owners were used. Kept until they run out. */
export class TicketRepository {
  readonly #session: SqlSession;

  constructor(session: SqlSession) {
    this.#session = session;
  }

  /**
   * Uses a ticket once more, if it was used less than `maxUses` times.
   * @param owner text id; the numbers of tickets are its own
   * @param notAfterMs Unix milliseconds after which nobody takes it any more, so that it can be forgotten
   */
  use(owner: string, ticket: string, maxUses: number, notAfterMs: number): boolean {
    return this.#session.transaction(() => {
      if (this.usesOf(owner, ticket) >= maxUses) return false;
      this.#session.run(
        'INSERT INTO tickets_used (owner, ticket, uses, not_after) VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE SET uses = uses + 1',
        owner,
        ticket,
        notAfterMs,
      );
      return true;
    });
  }

  /** One use less; returns how many are left, and forgets a ticket without any. */
  giveBack(owner: string, ticket: string): number {
    return this.#session.transaction(() => {
      const uses = this.usesOf(owner, ticket);
      const sql =
        uses > 1
          ? 'UPDATE tickets_used SET uses = uses - 1 WHERE owner = ? AND ticket = ?'
          : 'DELETE FROM tickets_used WHERE owner = ? AND ticket = ?';
      this.#session.run(sql, owner, ticket);
      return Math.max(0, uses - 1);
    });
  }

  usesOf(owner: string, ticket: string): number {
    const row = this.#session.get('SELECT uses FROM tickets_used WHERE owner = ? AND ticket = ?', owner, ticket);
    return Number(row?.['uses'] ?? 0);
  }

  /** Tickets of each owner that were used. */
  countByOwner(): ReadonlyMap<string, number> {
    const rows = this.#session.all('SELECT owner, count(*) AS n FROM tickets_used GROUP BY owner');
    return new Map(rows.map((row) => [String(row['owner']), Number(row['n'])]));
  }

  /** Forgets at most `limit` tickets that ran out; the owner of each. */
  expire(nowMs: number, limit: number): readonly string[] {
    const rows = this.#session.all(
      `DELETE FROM tickets_used WHERE (owner, ticket) IN
         (SELECT owner, ticket FROM tickets_used WHERE not_after <= ? ORDER BY not_after LIMIT ?) RETURNING owner`,
      nowMs,
      limit,
    );
    return rows.map((row) => String(row['owner']));
  }
}

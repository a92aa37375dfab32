import type { SqlSession } from './sql-session.js';

/** How often tickets of owners were used. Kept until they run out. */
export class TicketRepository {
  readonly #session: SqlSession;

  constructor(session: SqlSession) {
    this.#session = session;
  }

  /**
   * Uses a ticket once more: false if it was used `maxUses` times already, and then nothing changes.
   * @param ticket what tells it from others, at most 64 bytes (its hash)
   * @param notAfterMs Unix milliseconds after which nobody takes it any more, so that it can be forgotten
   */
  use(ticket: Uint8Array, maxUses: number, notAfterMs: number): boolean {
    return this.#session.transaction(() => {
      if (this.usesOf(ticket) >= maxUses) return false;
      this.#session.run(
        'INSERT INTO tickets_used (ticket, uses, not_after) VALUES (?, 1, ?) ON CONFLICT (ticket) DO UPDATE SET uses = uses + 1',
        ticket,
        notAfterMs,
      );
      return true;
    });
  }

  usesOf(ticket: Uint8Array): number {
    return Number(this.#session.get('SELECT uses FROM tickets_used WHERE ticket = ?', ticket)?.['uses'] ?? 0);
  }

  count(): number {
    return Number(this.#session.get('SELECT count(*) AS n FROM tickets_used')?.['n'] ?? 0);
  }

  /** Forgets tickets that ran out; how many. */
  prune(nowMs: number): number {
    return this.#session.run('DELETE FROM tickets_used WHERE not_after < ?', nowMs);
  }
}

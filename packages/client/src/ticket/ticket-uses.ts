/** How often tickets were used. Both answer at once: they are asked while a session begins. */
export interface TicketUses {
  used(ticketId: string): number;
  /** Counts one use more; it must not be forgotten before `notAfterMs` (Unix milliseconds). */
  add(ticketId: string, notAfterMs: number): void;
}

/** Uses in the memory of this process: with it they are gone, and every ticket counts anew. */
export class MemoryTicketUses implements TicketUses {
  readonly #uses = new Map<string, { count: number; readonly notAfterMs: number }>();
  readonly #wallMs: () => number;
  #nextSweep = 1_024;

  constructor(wallMs: () => number = Date.now) {
    this.#wallMs = wallMs;
  }

  used(ticketId: string): number {
    return this.#uses.get(ticketId)?.count ?? 0;
  }

  add(ticketId: string, notAfterMs: number): void {
    const use = this.#uses.get(ticketId);
    if (use === undefined) this.#uses.set(ticketId, { count: 1, notAfterMs });
    else use.count += 1;
    if (this.#uses.size < this.#nextSweep) return;
    const nowMs = this.#wallMs();
    for (const [id, { notAfterMs: endMs }] of this.#uses) if (endMs <= nowMs) this.#uses.delete(id);
    this.#nextSweep = Math.max(1_024, 2 * this.#uses.size);
  }
}

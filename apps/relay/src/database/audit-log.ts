import type { Clock, Timer } from '@sealane/types';
import type { SqlSession } from './sql-session.js';

export interface NewAuditEntry {
  /** Who did it: a token's id, `signal`, `command line`, an identity. */
  readonly actor: string;
  /** What was done: `ban`, `settings.set`, ... */
  readonly action: string;
  /** What it was done to. */
  readonly subject: string;
  /** Facts as JSON values; no payload, no secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface AuditEntry extends Required<NewAuditEntry> {
  /** Grows with every entry, also over restarts. */
  readonly id: number;
  /** Unix milliseconds. */
  readonly at: number;
}

export interface AuditQuery {
  /** Entries before this id. */
  readonly before?: number;
  /** At most so many, 100 unless told, 1,000 at most. */
  readonly limit?: number;
}

const BATCH_MS = 100;
/** Entries that wait to be written; more are counted and named in one entry. */
const MAX_WAITING = 10_000;
const MAX_TEXT = 256;
const MAX_DETAILS = 4_096;
/** Written between two looks at how many there are. */
const PRUNE_EVERY = 1_000;

/** What operators and policies did. Entries are written together, at most a tenth of a second after they were made. */
export class AuditLog {
  /** Entries that are kept: the setting `audit.maxEntries`. */
  maxEntries = 100_000;
  /** What a write that failed is told to; the entries stay and are tried again with the next ones. */
  onFault: (error: unknown) => void = () => undefined;
  /** Hears of every entry when it is made. */
  onEntry: (entry: NewAuditEntry) => void = () => undefined;
  readonly #session: SqlSession;
  readonly #clock: Clock;
  readonly #durable: () => Promise<void>;
  #waiting: { readonly at: number; readonly entry: NewAuditEntry }[] = [];
  #dropped = 0;
  #sincePrune = PRUNE_EVERY;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(session: SqlSession, clock: Clock, durable: () => Promise<void>) {
    this.#session = session;
    this.#clock = clock;
    this.#durable = durable;
  }

  /** Never throws: what is written down does not stop what is done. */
  record(entry: NewAuditEntry): void {
    if (this.#isClosed) return;
    this.onEntry(entry);
    if (this.#waiting.length >= MAX_WAITING) this.#dropped++;
    else this.#waiting.push({ at: this.#clock.wallMs(), entry });
    this.#timer ??= this.#clock.schedule(BATCH_MS, () => this.#writeOrTell());
  }

  /** Resolves when every entry before the call is on the disk. @throws ERR_DATABASE* */
  async flush(): Promise<void> {
    this.#write();
    await this.#durable();
  }

  /** The newest first. */
  list({ before = Number.MAX_SAFE_INTEGER, limit = 100 }: AuditQuery = {}): readonly AuditEntry[] {
    this.#writeOrTell();
    const rows = this.#session.all(
      'SELECT id, at, actor, action, subject, details FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?',
      before,
      Math.max(1, Math.min(1_000, Math.floor(limit))),
    );
    return rows.map((row) => ({ ...(row as unknown as AuditEntry), details: JSON.parse(String(row['details'])) }));
  }

  /** Writes what waits; afterwards nothing is taken. */
  close(): void {
    if (this.#isClosed) return;
    this.#writeOrTell();
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #writeOrTell(): void {
    try {
      this.#write();
    } catch (error) {
      this.onFault(error);
    }
  }

  #write(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const batch = this.#waiting;
    const dropped = this.#dropped;
    if (batch.length === 0) return;
    this.#session.transaction(() => {
      for (const { at, entry } of batch) this.#insert(at, entry);
      if (dropped > 0) {
        const entry = { actor: 'relay', action: 'audit.dropped', subject: '', details: { count: dropped } };
        this.#insert(this.#clock.wallMs(), entry);
      }
      this.#sincePrune += batch.length;
      if (this.#sincePrune >= PRUNE_EVERY) this.#prune();
    });
    this.#waiting = [];
    this.#dropped = 0;
  }

  #insert(at: number, { actor, action, subject, details = {} }: NewAuditEntry): void {
    const text = JSON.stringify(details);
    this.#session.run(
      'INSERT INTO audit (at, actor, action, subject, details) VALUES (?, ?, ?, ?, ?)',
      at,
      actor.slice(0, MAX_TEXT),
      action.slice(0, MAX_TEXT),
      subject.slice(0, MAX_TEXT),
      text.length > MAX_DETAILS ? '{"cut":true}' : text,
    );
  }

  #prune(): void {
    this.#sincePrune = 0;
    this.#session.run('DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?', this.maxEntries);
  }
}

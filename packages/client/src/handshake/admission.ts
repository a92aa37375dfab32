import { type Clock, SessionLimit, type Timer } from '@sealane/types';

/** Handshakes a second that one link may cost; bursts of a second's worth. */
const HANDSHAKES_PER_SECOND = 1_000;

/** What one link may ask of an owner before any cryptography: a budget, and every connection id once. */
export class Admission {
  readonly #clock: Clock;
  readonly #seen = new Set<string>();
  #tokens = HANDSHAKES_PER_SECOND;
  #refilledMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#refilledMs = clock.nowMs();
  }

  /** False when the budget is used up. */
  takeToken(): boolean {
    const nowMs = this.#clock.nowMs();
    const refill = ((nowMs - this.#refilledMs) / 1_000) * HANDSHAKES_PER_SECOND;
    this.#tokens = Math.min(HANDSHAKES_PER_SECOND, this.#tokens + refill);
    this.#refilledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** False for a connection id among the last 4,096 of the link: a message 1 that is sent again. */
  isNew(connectionId: Uint8Array): boolean {
    const key = String.fromCharCode(...connectionId);
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    if (this.#seen.size > SessionLimit.seenConnectionIdsPerLink) {
      const oldest = this.#seen.values().next().value;
      if (oldest !== undefined) this.#seen.delete(oldest);
    }
    return true;
  }
}

/** Something that must be confirmed in time. */
export interface Unconfirmed {
  /** It may still be confirmed when the link is gone. */
  readonly outlivesLink?: boolean;
  drop(): void;
}

/** At most 128 unconfirmed sessions of 10 s per link; beyond, the oldest goes. */
export class UnconfirmedTable {
  readonly #clock: Clock;
  readonly #entries = new Map<Unconfirmed, number>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(entry: Unconfirmed): void {
    this.#entries.set(entry, this.#clock.nowMs() + SessionLimit.confirmWaitMs);
    if (this.#entries.size > SessionLimit.maxUnconfirmedPerLink) this.#dropOldest();
    this.#setTimer();
  }

  /** It was confirmed or has ended. */
  remove(entry: Unconfirmed): void {
    this.#entries.delete(entry);
  }

  /**
   * What `question` resolves to, or `late` after 8 s: an application may never decide. Meanwhile it waits here, as the
   * unconfirmed do, so that strangers do not pile up behind questions without answers; `drop` is called if it has to go.
   */
  inTime<T>(question: Promise<T>, late: T, drop: () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        timer.cancel();
        this.remove(entry);
        resolve(late);
      };
      const timer = this.#clock.schedule(SessionLimit.acceptWaitMs, settle);
      const entry: Unconfirmed = {
        drop: () => {
          drop();
          settle();
        },
      };
      this.add(entry);
      question.then(resolve, reject).finally(settle);
    });
  }

  /** The link is gone, and with it what cannot be confirmed over another one. */
  dropBound(): void {
    for (const entry of [...this.#entries.keys()]) {
      if (entry.outlivesLink === true) continue;
      this.#entries.delete(entry);
      entry.drop();
    }
    if (this.#entries.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #dropOldest(): void {
    const oldest = this.#entries.keys().next().value;
    if (oldest === undefined) return;
    this.#entries.delete(oldest);
    oldest.drop();
  }

  /** Entries have one duration, so the first one is due first and one timer serves all. */
  #setTimer(): void {
    const dueMs = this.#entries.values().next().value;
    if (dueMs === undefined || this.#timer !== undefined) return;
    this.#timer = this.#clock.schedule(dueMs - this.#clock.nowMs(), () => {
      this.#timer = undefined;
      for (let due = this.#firstDue(); due !== undefined && due <= this.#clock.nowMs(); due = this.#firstDue()) {
        this.#dropOldest();
      }
      this.#setTimer();
    });
  }

  #firstDue(): number | undefined {
    return this.#entries.values().next().value;
  }
}

import { TokenBucket } from '@sealane/mux';
import { type Clock, SessionLimit, type Timer } from '@sealane/types';

/** Handshakes a second that one link may cost; bursts of a second's worth. */
const HANDSHAKES_PER_SECOND = 1_000;

/** What one link may ask of an owner before any cryptography: a budget, and every connection id once. */
export class Admission {
  readonly #seen = new Set<string>();
  readonly #tokens: TokenBucket;

  constructor(clock: Clock) {
    this.#tokens = new TokenBucket(clock, HANDSHAKES_PER_SECOND, HANDSHAKES_PER_SECOND);
  }

  /** False when the budget is used up. */
  takeToken(): boolean {
    return this.#tokens.tryTake();
  }

  /** False for a connection id among the last 4,096 of the link: a message 1 that is sent again. */
  isNew(connectionId: Uint8Array): boolean {
    const key = String.fromCharCode(...connectionId);
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    const [oldest] = this.#seen;
    if (this.#seen.size > SessionLimit.seenConnectionIdsPerLink) this.#seen.delete(oldest!);
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
    const [oldest] = this.#entries.keys();
    if (oldest === undefined) return;
    this.#entries.delete(oldest);
    oldest.drop();
  }

  /** Entries have one duration, so the first one is due first and one timer serves all. */
  #setTimer(): void {
    const [firstMs] = this.#entries.values();
    if (firstMs === undefined || this.#timer !== undefined) return;
    this.#timer = this.#clock.schedule(firstMs - this.#clock.nowMs(), () => {
      this.#timer = undefined;
      // What is dropped may take others with it: those are gone when their turn comes.
      for (const [entry, dueMs] of this.#entries) {
        if (dueMs > this.#clock.nowMs()) break;
        this.#entries.delete(entry);
        entry.drop();
      }
      this.#setTimer();
    });
  }
}

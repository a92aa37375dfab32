import { ResumptionLimit } from '@sealane/types';

/** A session whose sealed records are kept. */
export interface KeptOwner {
  /** No path carries it now: under pressure it may be given up. */
  readonly isSuspended: boolean;
  /** The shared bytes are needed by sessions that live. */
  giveUp(): void;
  /** There was no room before, and there may be now. */
  wake(): void;
}

export interface KeptBudgetOptions {
  /** Bytes that all sessions share. Default 64 MiB. */
  readonly sharedBytes?: number;
  /** The most that one session takes of them. Default 16 MiB. */
  readonly sessionBytes?: number;
  /** Bytes that each session has on top, whatever others do. Default 256 KiB. */
  readonly guaranteedBytes?: number;
  /** Sessions that get this guarantee; further ones are made without resumption. Default 256. */
  readonly maxSessions?: number;
}

/**
 * The ciphertext that a process keeps until it is acknowledged (v1.md, "Kept ciphertext"): a bound for all sessions, one
 * for each, and so much for each that no session starves another.
 */
export class KeptBudget {
  /** Sessions that have a place. For accounts. */
  places = 0;
  readonly #sharedBytes: number;
  readonly #sessionBytes: number;
  readonly #guaranteedBytes: number;
  readonly #maxSessions: number;
  readonly #accounts = new Set<KeptAccount>();
  readonly #waiting = new Set<KeptAccount>();
  #sharedUsed = 0;

  constructor(options: KeptBudgetOptions = {}) {
    this.#sharedBytes = options.sharedBytes ?? ResumptionLimit.keptSharedBytes;
    this.#sessionBytes = options.sessionBytes ?? ResumptionLimit.keptSessionBytes;
    this.#guaranteedBytes = options.guaranteedBytes ?? ResumptionLimit.keptGuaranteedBytes;
    this.#maxSessions = options.maxSessions ?? ResumptionLimit.keptSessions;
  }

  /** Bytes taken from what all sessions share. */
  get sharedUsedBytes(): number {
    return this.#sharedUsed;
  }

  /** A session can still get its guarantee. */
  get hasPlace(): boolean {
    return this.places < this.#maxSessions;
  }

  /**
   * A place for a session that may come to be; undefined when all are taken. With `isProvisional` it counts only from
   * {@link KeptAccount.confirm} on: until then nothing is kept, and who sends old messages again takes no place from others.
   */
  reserve(options: { readonly isProvisional?: boolean } = {}): KeptAccount | undefined {
    if (!this.hasPlace) return undefined;
    const account = new KeptAccount(this, this.#guaranteedBytes, this.#sessionBytes);
    this.#accounts.add(account);
    if (!options.isProvisional) account.confirm();
    return account;
  }

  /** Bytes of the shared part that nobody has. */
  get sharedLeftBytes(): number {
    return Math.max(0, this.#sharedBytes - this.#sharedUsed);
  }

  /** For accounts. */
  moveShared(bytes: number): void {
    this.#sharedUsed += bytes;
    if (bytes >= 0 || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const account of waiting) account.owner?.wake();
  }

  /** For accounts: there is no room. The suspended session with the most bytes goes, and who asks hears of the room. */
  wait(account: KeptAccount): void {
    this.#waiting.add(account);
    let largest: KeptAccount | undefined;
    for (const other of this.#accounts) {
      if (other === account || other.sharedBytes === 0 || other.owner?.isSuspended !== true) continue;
      if (other.sharedBytes > (largest?.sharedBytes ?? 0)) largest = other;
    }
    largest?.owner?.giveUp();
  }

  /** For accounts. */
  remove(account: KeptAccount): void {
    this.#accounts.delete(account);
    this.#waiting.delete(account);
  }
}

/** What one session keeps. */
export class KeptAccount {
  owner: KeptOwner | undefined;
  readonly #budget: KeptBudget;
  readonly #guaranteedBytes: number;
  readonly #sessionBytes: number;
  /** Bytes that are kept. */
  usedBytes = 0;
  #isCounted = false;
  #isClosed = false;

  /** Made by {@link KeptBudget.reserve}. */
  constructor(budget: KeptBudget, guaranteedBytes: number, sessionBytes: number) {
    this.#budget = budget;
    this.#guaranteedBytes = guaranteedBytes;
    this.#sessionBytes = sessionBytes;
  }

  /** The session is there: it takes its place. Idempotent. */
  confirm(): void {
    if (this.#isCounted || this.#isClosed) return;
    this.#isCounted = true;
    this.#budget.places += 1;
  }

  /** Beyond the guarantee. */
  get sharedBytes(): number {
    return Math.max(0, this.usedBytes - this.#guaranteedBytes);
  }

  /** Bytes that may be kept now. */
  get roomBytes(): number {
    const guaranteed = Math.max(0, this.#guaranteedBytes - this.usedBytes);
    const shared = Math.max(0, this.#sessionBytes - this.sharedBytes);
    return guaranteed + Math.min(shared, this.#budget.sharedLeftBytes);
  }

  /** There is not room enough. Where others have it, the owner is told when there may be; at its own bound only acks help. */
  wait(): void {
    if (this.#budget.sharedLeftBytes < this.#sessionBytes - this.sharedBytes) this.#budget.wait(this);
  }

  /** Gives everything back. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.owner = undefined;
    this.#budget.remove(this);
    if (this.#isCounted) this.#budget.places -= 1;
    this.charge(-this.usedBytes);
    this.#isClosed = true;
  }

  /** So many bytes more are kept, or fewer. */
  charge(bytes: number): void {
    if (this.#isClosed) return;
    const before = this.sharedBytes;
    this.usedBytes += bytes;
    const change = this.sharedBytes - before;
    if (change !== 0) this.#budget.moveShared(change);
  }
}

import { type Clock, ResumptionLimit, type SealaneError, type Timer } from '@sealane/types';
import type { KeptAccount } from './kept-budget.js';

const CHECK_MS = 1_000;

export interface PathRecoveryOptions {
  readonly clock: Clock;
  readonly account: KeptAccount;
  /** How long the session may be without progress now, in milliseconds. */
  readonly giveUpMs: () => number;
  /** The time is over while no path is there. */
  readonly onOverdue: () => void;
}

/** What a session remembers of its broken paths (v1.md, "Resumption"): since when, how many, and when to give up. */
export class PathRecovery {
  readonly account: KeptAccount;
  /** Of the newest path: the one that the dialer asked for last, or that opened at the owner. */
  pathNumber = 0;
  /** The peer had sealed the records below this number when it resumed last: they are still on their way. */
  peerAnnounced = 0;
  resumptions = 0;
  /** When a path was there again last, on the clock, and the milliseconds without one before. */
  lastResumption: { readonly atMs: number; readonly gapMs: number } | undefined;
  /** Why the path broke last. */
  cause: SealaneError | undefined;
  readonly #options: PathRecoveryOptions;
  /** Both clocks when the path broke after which nothing has come or been acknowledged. */
  #lost: { readonly nowMs: number; readonly wallMs: number } | undefined;
  #suspendedSinceMs: number | undefined;
  #damagedRecords = 0;
  #timer: Timer | undefined;

  constructor(options: PathRecoveryOptions) {
    this.#options = options;
    this.account = options.account;
  }

  get isSuspended(): boolean {
    return this.#suspendedSinceMs !== undefined;
  }

  /** Clock time at which the path broke, while none has taken its place. */
  get suspendedSinceMs(): number | undefined {
    return this.#suspendedSinceMs;
  }

  /**
   * Too long without progress, by the larger of both clocks: the monotonic one may stop while the machine sleeps. A new
   * path alone is no progress.
   */
  get isOverdue(): boolean {
    if (this.#lost === undefined) return false;
    const { clock, giveUpMs } = this.#options;
    const { nowMs, wallMs } = this.#lost;
    return Math.max(clock.nowMs() - nowMs, clock.wallMs() - wallMs) >= giveUpMs();
  }

  /** The path is gone. False if none was there. */
  suspend(cause: SealaneError): boolean {
    this.cause = cause;
    if (this.isSuspended) return false;
    const { clock } = this.#options;
    this.#suspendedSinceMs = clock.nowMs();
    this.#lost ??= { nowMs: clock.nowMs(), wallMs: clock.wallMs() };
    this.#check();
    return true;
  }

  /** A path is there again. The milliseconds without one. */
  resume(): number {
    const atMs = this.#options.clock.nowMs();
    const gapMs = atMs - (this.#suspendedSinceMs ?? atMs);
    this.#suspendedSinceMs = undefined;
    this.stop();
    this.resumptions += 1;
    this.lastResumption = { atMs, gapMs };
    return gapMs;
  }

  /** A record opened, or an ack moved. */
  progress(): void {
    if (!this.isSuspended) this.#lost = undefined;
  }

  /** A record did not open. True when it is one too many. */
  damage(): boolean {
    this.#damagedRecords += 1;
    return this.#damagedRecords >= ResumptionLimit.maxDamagedRecords;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #check(): void {
    const { clock, giveUpMs, onOverdue } = this.#options;
    this.#timer = clock.schedule(Math.min(CHECK_MS, giveUpMs()), () => {
      this.#timer = undefined;
      if (this.isOverdue) onOverdue();
      else this.#check();
    });
  }
}

import { type Clock, type SealaneError, systemClock } from '@sealane/types';
import { toSealaneError } from '../output/error-line.js';
import { classifyFailure, doubtfulAttempts } from './failure.js';

export interface ContactOptions {
  /** One attempt to reach the owner. */
  readonly attempt: (signal: AbortSignal) => Promise<void>;
  /** Told before each wait. */
  readonly onWaiting: (error: SealaneError, retryInMs: number) => void;
  readonly clock?: Clock;
  /** 0 to 1. */
  readonly random?: () => number;
}

const minWaitMs = 200;
const maxWaitMs = 5_000;
/** While a local connection waits for the owner. */
const maxWaitWantedMs = 1_000;

/**
 * Reaches the owner for everybody who waits for it with one attempt at a time, however many local connections wait.
 * Passing troubles are tried again with growing waits until nobody asks any more.
 */
export class Contact {
  readonly #options: ContactOptions;
  readonly #clock: Clock;
  #running: Promise<void> | undefined;
  #waiters = 0;
  #wake: (() => void) | undefined;

  constructor(options: ContactOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Resolves when an attempt succeeded; rejects with what no attempt can change, or with the signal's reason. */
  async reach(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#waiters += 1;
    this.#wake?.();
    try {
      this.#running ??= this.#run().finally(() => {
        this.#running = undefined;
      });
      await untilAborted(this.#running, signal);
    } finally {
      this.#waiters -= 1;
    }
  }

  async #run(): Promise<void> {
    const random = this.#options.random ?? Math.random;
    let doubts = 0;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#options.attempt(AbortSignal.timeout(attemptLimitMs));
      } catch (thrown) {
        const error = toSealaneError(thrown);
        const kind = error.code === 'ERR_ABORTED' ? 'passing' : classifyFailure(error);
        if (kind === 'doubtful') doubts += 1;
        if (kind === 'final' || doubts >= doubtfulAttempts || this.#waiters === 0) throw error;
        const cap = Math.min(minWaitMs * 2 ** Math.min(attempt, 10), this.#waiters > 1 ? maxWaitWantedMs : maxWaitMs);
        const waitMs = Math.max(50, random() * cap);
        this.#options.onWaiting(error, waitMs);
        await this.#wait(waitMs);
        if (this.#waiters === 0) throw error;
      }
    }
  }

  /** Ends early when somebody new asks, but never before the smallest wait. */
  #wait(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const earliestMs = this.#clock.nowMs() + Math.min(waitMs, minWaitMs);
      const finish = (): void => {
        this.#wake = undefined;
        resolve();
      };
      let timer = this.#clock.schedule(waitMs, finish);
      this.#wake = () => {
        this.#wake = undefined;
        timer.cancel();
        timer = this.#clock.schedule(Math.max(0, earliestMs - this.#clock.nowMs()), finish);
      };
    });
  }
}

const attemptLimitMs = 30_000;

/** The promise's outcome, or the signal's reason if that comes first. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

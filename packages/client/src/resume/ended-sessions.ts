import { AbortCode, type Clock, ResumptionLimit, type SealaneError, type Timer } from '@sealane/types';
import type { ResumeHalf } from '../session/resume-half.js';

interface Ended {
  readonly half: ResumeHalf;
  readonly status: number;
  readonly untilMs: number;
}

const statuses: Readonly<Record<string, AbortCode>> = {
  ERR_E2EE_DENIED: AbortCode.DENIED,
  ERR_E2EE_INTEGRITY: AbortCode.INTEGRITY,
  ERR_E2EE_PROTOCOL: AbortCode.PROTOCOL,
  ERR_E2EE_PEER_STALLED: AbortCode.PEER_STALLED,
  ERR_INTERNAL: AbortCode.INTERNAL,
};

/**
 * Sessions of an owner that ended lately, with what is needed to say so to a dialer that tries to resume one: it ends at
 * once then, instead of trying for a minute (v1.md, "Status").
 */
export class EndedSessions {
  readonly #clock: Clock;
  /** In the order of their times. */
  readonly #ended = new Map<string, Ended>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(key: string, half: ResumeHalf, error: SealaneError | undefined): void {
    const status = (error && statuses[error.code]) ?? AbortCode.SHUTDOWN;
    this.#ended.set(key, { half, status, untilMs: this.#clock.nowMs() + ResumptionLimit.endedSessionMs });
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > ResumptionLimit.endedSessions && oldest !== undefined) this.#forget(oldest);
    this.#schedule();
  }

  get(key: string): { readonly half: ResumeHalf; readonly status: number } | undefined {
    return this.#ended.get(key);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const key of [...this.#ended.keys()]) this.#forget(key);
  }

  #forget(key: string): void {
    this.#ended.get(key)?.half.keys.wipe();
    this.#ended.delete(key);
  }

  #schedule(): void {
    const [first] = this.#ended.values();
    if (first === undefined || this.#timer !== undefined) return;
    this.#timer = this.#clock.schedule(Math.max(0, first.untilMs - this.#clock.nowMs()), () => {
      this.#timer = undefined;
      const nowMs = this.#clock.nowMs();
      for (const [key, { untilMs }] of this.#ended) {
        if (untilMs > nowMs) break;
        this.#forget(key);
      }
      this.#schedule();
    });
  }
}

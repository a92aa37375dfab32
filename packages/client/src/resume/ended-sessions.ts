import type { ResumeState, SessionKeys } from '@sealane/crypto/e2ee';
import type { ResumeSeal } from '@sealane/protocol';
import { AbortCode, type Clock, ResumptionLimit, type SealaneError, type Timer } from '@sealane/types';
import { abortCodes } from '../session/broken-by.js';
import { openSeal, type ResumeHalf } from '../session/resume-half.js';

/** Of a session only this stays: its streams, buffers and callbacks are free at once. */
interface Ended {
  readonly keys: SessionKeys;
  readonly state: ResumeState;
  /** Highest of a RESUME that opened. */
  pathNumber: number;
  readonly untilMs: number;
}

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
    const status = (error && abortCodes[error.code]) ?? AbortCode.SHUTDOWN;
    const { keys, pathNumber } = half;
    const untilMs = this.#clock.nowMs() + ResumptionLimit.endedSessionMs;
    this.#ended.set(key, { keys, state: half.state(status), pathNumber, untilMs });
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > ResumptionLimit.endedSessions && oldest !== undefined) this.#forget(oldest);
    this.#schedule();
  }

  /** The answer that says why, to a RESUME that opens. Undefined for any other, which changes nothing. */
  answer(key: string, seal: ResumeSeal): ResumeSeal | undefined {
    const ended = this.#ended.get(key);
    const { pathNumber } = seal;
    if (ended === undefined || pathNumber <= ended.pathNumber || !openSeal(ended.keys, seal)) return undefined;
    ended.pathNumber = pathNumber;
    return { pathNumber, sealed: ended.keys.sealResume(pathNumber, ended.state) };
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const key of [...this.#ended.keys()]) this.#forget(key);
  }

  #forget(key: string): void {
    this.#ended.get(key)?.keys.wipe();
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

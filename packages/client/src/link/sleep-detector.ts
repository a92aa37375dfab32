import { type Clock, ResumptionLimit } from '@sealane/types';

/**
 * Finds that this machine or process stood still: a tick comes late by the larger of both clocks, since the monotonic one
 * stops while a machine sleeps and runs on while a process is stopped. What was on its way then is gone.
 */
export class SleepDetector {
  readonly #clock: Clock;
  readonly #tickMs: number;
  #nowMs: number;
  #wallMs: number;

  constructor(clock: Clock, tickMs: number) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#nowMs = clock.nowMs();
    this.#wallMs = clock.wallMs();
  }

  /** Called at every tick. */
  hasSlept(): boolean {
    const nowMs = this.#clock.nowMs();
    const wallMs = this.#clock.wallMs();
    const elapsedMs = Math.max(nowMs - this.#nowMs, wallMs - this.#wallMs);
    this.#nowMs = nowMs;
    this.#wallMs = wallMs;
    return elapsedMs - this.#tickMs >= ResumptionLimit.lateTickMs;
  }
}

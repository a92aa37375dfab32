import type { Clock, Timer } from '@sealane/types';

/** Something that happens once after a time, which may be shortened and not prolonged. */
export class EarlierDeadline {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #untilMs: number;
  #timer: Timer;

  constructor(clock: Clock, delayMs: number, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
    this.#untilMs = clock.nowMs() + delayMs;
    this.#timer = clock.schedule(delayMs, onDue);
  }

  /** At most so many milliseconds from now on. */
  hasten(delayMs: number): void {
    const untilMs = this.#clock.nowMs() + delayMs;
    if (untilMs >= this.#untilMs) return;
    this.#untilMs = untilMs;
    this.#timer.cancel();
    this.#timer = this.#clock.schedule(delayMs, this.#onDue);
  }

  cancel(): void {
    this.#untilMs = Number.NEGATIVE_INFINITY;
    this.#timer.cancel();
  }
}

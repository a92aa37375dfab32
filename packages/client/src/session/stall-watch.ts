import { ResumptionLimit } from '@sealane/types';

/** A tick that comes late counts no more than this: time without a path is none in which the peer could answer. */
const MAX_TICK_MS = 1_000;

/** Finds a peer whose records open and whose ack stands still (v1.md, "Acks"). Counts time with a living path alone. */
export class StallWatch {
  #lastTickMs: number | undefined;
  #stalledMs = 0;

  /** The ack moved, or there is nothing to acknowledge. */
  reset(): void {
    this.#stalledMs = 0;
  }

  /** No path: nothing counts. */
  pause(): void {
    this.#lastTickMs = undefined;
  }

  /** With `isExcused` the peer's own records are still on their way. True once it has stalled for too long. */
  tick(nowMs: number, isExcused: boolean): boolean {
    const elapsedMs = Math.min(MAX_TICK_MS, nowMs - (this.#lastTickMs ?? nowMs));
    this.#lastTickMs = nowMs;
    if (!isExcused) this.#stalledMs += elapsedMs;
    return this.#stalledMs >= ResumptionLimit.peerStalledMs;
  }
}

import type { Clock } from '@sealane/types';
import type { ControlQueue } from './control-queue.js';
import { RttTracker } from './rtt-tracker.js';

/** Streams that could grow ask for a round trip at most this often. */
const minAskIntervalMs = 1_000;

/** At most one PING that waits for its PONG, and the round trips seen. */
export class Pinger {
  readonly rtt: RttTracker = new RttTracker();
  readonly #clock: Clock;
  readonly #control: ControlQueue;
  #payload: Uint8Array | undefined;
  #sentMs: number | undefined;
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #count = 0;
  #promise: Promise<number> | undefined;
  #settle: { resolve: (rttMs: number) => void; reject: (error: Error) => void } | undefined;

  constructor(clock: Clock, control: ControlQueue) {
    this.#clock = clock;
    this.#control = control;
  }

  get pendingSinceMs(): number | undefined {
    return this.#sentMs;
  }

  get minRttMs(): number | undefined {
    return this.rtt.minMs(this.#clock.nowMs());
  }

  ping(): Promise<number> {
    this.#request();
    if (this.#promise !== undefined) return this.#promise;
    const promise = new Promise<number>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // The end of the mux is told to its owner anyway; a ping that nobody waits for must not end the process.
    promise.catch(ignoreRejection);
    this.#promise = promise;
    return promise;
  }

  /** A round trip is wanted for window growth, if none was measured lately. */
  ask(nowMs: number): boolean {
    if (this.#payload !== undefined || nowMs - this.#lastSentMs < minAskIntervalMs) return false;
    this.#request();
    return true;
  }

  onSent(): void {
    this.#sentMs = this.#clock.nowMs();
    this.#lastSentMs = this.#sentMs;
  }

  /** A PONG that answers nothing is ignored: it proves nothing and harms nothing. */
  onPong(body: Uint8Array): void {
    const payload = this.#payload;
    if (payload === undefined || this.#sentMs === undefined) return;
    if (payload.some((byte, index) => byte !== body[index])) return;
    const nowMs = this.#clock.nowMs();
    const rttMs = nowMs - this.#sentMs;
    this.#payload = undefined;
    this.#sentMs = undefined;
    this.rtt.add(nowMs, rttMs);
    const settle = this.#settle;
    this.#promise = undefined;
    this.#settle = undefined;
    settle?.resolve(rttMs);
  }

  fail(cause: () => Error): void {
    this.#payload = undefined;
    this.#sentMs = undefined;
    this.#settle?.reject(cause());
    this.#promise = undefined;
    this.#settle = undefined;
  }

  #request(): void {
    if (this.#payload !== undefined) return;
    this.#count += 1;
    const payload = new Uint8Array(8);
    new DataView(payload.buffer).setUint32(4, this.#count);
    this.#payload = payload;
    this.#control.ping = payload;
  }
}

function ignoreRejection(): undefined {
  return undefined;
}

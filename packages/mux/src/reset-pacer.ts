import type { Clock, Timer } from '@sealane/types';
import { Fifo } from './fifo.js';
import type { StreamCore } from './stream-core.js';
import { TokenBucket } from './token-bucket.js';

/** Half of what a peer tolerates, so that delays which bunch our RESETs do not make them a flood. */
const burst = 50;
const perSecond = 10;
const retryMs = 100;

/**
 * Holds back RESETs of streams that the peer has not answered once there are many of them: the peer would take them
 * for a flood and end everything. A held stream keeps its number; the RESET goes out with the next token or answer.
 */
export class ResetPacer {
  readonly #clock: Clock;
  #bucket: TokenBucket | undefined;
  readonly #send: (stream: StreamCore) => void;
  readonly #waiting: Fifo<StreamCore> = new Fifo();
  #timer: Timer | undefined;

  constructor(clock: Clock, send: (stream: StreamCore) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** True when the RESET may go now; otherwise `send` is called for the stream later. */
  mayReset(stream: StreamCore, code: number): boolean {
    if (stream.isAnswered || this.#mayTake()) return true;
    stream.deferredReset = code;
    this.#waiting.push(stream);
    this.#arm();
    return false;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #mayTake(): boolean {
    this.#bucket ??= new TokenBucket(this.#clock, burst, perSecond);
    return this.#bucket.tryTake();
  }

  #arm(): void {
    this.#timer ??= this.#clock.schedule(retryMs, () => {
      this.#timer = undefined;
      this.#flush();
    });
  }

  #flush(): void {
    for (let stream = this.#waiting.first; stream !== undefined; stream = this.#waiting.first) {
      const isWaiting = stream.deferredReset >= 0;
      if (isWaiting && !this.#mayTake()) {
        this.#arm();
        return;
      }
      this.#waiting.shift();
      if (isWaiting) this.#send(stream);
    }
  }
}

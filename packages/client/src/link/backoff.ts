import type { RandomBytes } from '@sealane/types';
import type { ClientTimingConfig } from './timing.js';

/** Waits with full jitter: uniform between 0 and a cap that doubles from `reconnectMinMs` to `reconnectMaxMs`. */
export class Backoff {
  attempts = 0;
  readonly #timing: ClientTimingConfig;
  readonly #random: RandomBytes;

  constructor(timing: ClientTimingConfig, random: RandomBytes) {
    this.#timing = timing;
    this.#random = random;
  }

  /** The wait before the next attempt. While something waits for the link the cap is `reconnectWaitingMaxMs`. */
  nextMs(isAwaited: boolean): number {
    const doubled = this.#timing.reconnectMinMs * 2 ** Math.min(this.attempts, 30);
    const cap = Math.min(doubled, isAwaited ? this.#timing.reconnectWaitingMaxMs : this.#timing.reconnectMaxMs);
    this.attempts += 1;
    return this.fractionOf(cap);
  }

  fractionOf(ms: number): number {
    const bytes = this.#random(4);
    const word = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
    return Math.floor((word / 0x1_0000_0000) * ms);
  }

  reset(): void {
    this.attempts = 0;
  }
}

import type { Clock } from '@sealane/types';
import type { Reporter } from '../refusals.js';

const INTERVAL_MS = 600_000;

/** What a connection carried that only a trusted proxy may say. */
export type ProxyClaim = 'X-Forwarded-For' | 'Forwarded' | 'PROXY';

/**
 * Tells the operator that somebody who is no trusted proxy says whom it passes on: mostly a proxy that is missing in
 * the configuration, behind which all clients count as one. Told at once, then at most every ten minutes.
 */
export class ProxyWarning {
  readonly #clock: Clock;
  readonly #reporter: Reporter;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #untold = 0;

  constructor(clock: Clock, reporter: Reporter) {
    this.#clock = clock;
    this.#reporter = reporter;
  }

  note(claim: ProxyClaim, address: string): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#toldAtMs < INTERVAL_MS) {
      this.#untold++;
      return;
    }
    this.#toldAtMs = nowMs;
    const more = this.#untold === 0 ? '' : ` (and ${this.#untold} more connections since the last warning)`;
    this.#untold = 0;
    const message =
      `${address} sends ${claim} and is no trusted proxy, so what it says is not believed and its connections count ` +
      `as its own; if it is a proxy of yours, name its network as trusted${more}`;
    this.#reporter.event({ type: 'warning', code: 'UNTRUSTED_PROXY', message });
  }
}

import type { Clock } from '@sealane/types';
import type { WarningCode } from '../event.js';
import type { Reporter } from '../refusals.js';

const INTERVAL_MS = 600_000;

/** Tells the operator of proxies that the configuration does not fit: at once, then at most every ten minutes. */
export class ProxyWarning {
  readonly #options: { readonly clock: Clock; readonly reporter: Reporter };
  readonly #code: WarningCode;
  #nextMs = Number.NEGATIVE_INFINITY;
  #untold = 0;

  constructor(options: { readonly clock: Clock; readonly reporter: Reporter }, code: WarningCode) {
    this.#options = options;
    this.#code = code;
  }

  note(message: string): void {
    const { clock, reporter } = this.#options;
    const nowMs = clock.nowMs();
    if (nowMs < this.#nextMs) {
      this.#untold++;
      return;
    }
    this.#nextMs = nowMs + INTERVAL_MS;
    const more = this.#untold === 0 ? '' : ` (and ${this.#untold} before it)`;
    this.#untold = 0;
    reporter.event({ type: 'warning', code: this.#code, message: message + more });
  }
}

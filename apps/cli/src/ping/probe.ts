import { type Clock, SealaneError, systemClock } from '@sealane/types';
import { toSealaneError } from '../output/error-line.js';

export type Measured = { readonly ms: number } | { readonly error: SealaneError };

export interface ProbeOptions {
  /** Sends one PING and gives its round trip. Not called again before it settles. */
  readonly send: () => Promise<number>;
  /** What a round without an answer is. */
  readonly timeoutCode: 'ERR_E2EE_TIMEOUT' | 'ERR_LINK_TIMEOUT';
  readonly clock?: Clock;
}

/** Measures one round trip after another. An answer that comes too late is lost and never taken for a later round's. */
export class Probe {
  readonly #options: ProbeOptions;
  readonly #clock: Clock;
  #pending: Promise<Measured> | undefined;

  constructor(options: ProbeOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Never rejects, and takes at most `limitMs`. */
  async measure(limitMs: number): Promise<Measured> {
    let expire: (late: undefined) => void = () => undefined;
    const late = new Promise<undefined>((resolve) => {
      expire = resolve;
    });
    const timer = this.#clock.schedule(limitMs, () => expire(undefined));
    try {
      // Only one PING may be on its way: a round that finds an older one waits for it first.
      if (this.#pending !== undefined && (await Promise.race([this.#pending, late])) === undefined)
        return this.#lost(limitMs);
      return (await Promise.race([this.#send(), late])) ?? this.#lost(limitMs);
    } finally {
      timer.cancel();
    }
  }

  #send(): Promise<Measured> {
    const pending: Promise<Measured> = this.#options.send().then(
      (ms) => ({ ms }),
      (error: unknown) => ({ error: toSealaneError(error) }),
    );
    this.#pending = pending;
    void pending.then(() => {
      this.#pending = undefined;
    });
    return pending;
  }

  #lost(limitMs: number): Measured {
    return { error: new SealaneError(this.#options.timeoutCode, `no answer within ${limitMs / 1000} s`) };
  }
}

import { RelayCode, relayError, type SealaneError } from '@sealane/types';
import type { FairQueue } from './fair-queue.js';
import type { RelayLink } from './link.js';

/** Requests of all links that wait for their turn; one link has as many as its streams. */
const MAX_WAITING = 4_096;

/** Fewer than these wait for the next turns of the event loop, and not for their share. */
const FEW_WAITING = 256;

/** Answers of BUSY for one, while requests wait. */
const IMPATIENCE = 10;

/**
 * CONNECTs within their share of a core: however many keys and addresses they come from, what is forwarded has the rest.
 * Above it addresses take turns.
 */
export class ConnectTurns {
  readonly #queue: FairQueue;

  constructor(queue: FairQueue) {
    this.#queue = queue;
  }

  /** Nothing if the request may be served now, else its turn; BUSY if too many wait already. */
  next(link: RelayLink): Promise<undefined> | SealaneError | undefined {
    if (this.#queue.isIdle) return undefined;
    if (this.#queue.length >= MAX_WAITING) return relayError(RelayCode.BUSY, 'too many requests wait');
    return new Promise((resolve) => {
      this.#queue.submit(() => resolve(undefined), link.origin.usage ?? link);
    });
  }

  /** What an answer of BUSY counts now: while others wait for their share, who goes on above its rate is told less often. */
  get strikeWeight(): number {
    return this.#queue.isOverShare || this.#queue.length > FEW_WAITING ? IMPATIENCE : 1;
  }

  /** Serves a request, at the expense of the next ones. */
  serve(task: () => void): void {
    this.#queue.measure(task);
  }
}

import type { MuxStream, StreamHandler } from '@sealane/mux';
import { RelayCode, type SealaneError } from '@sealane/types';
import { CONNECTION_BYTES } from './forwarding-handler.js';
import type { RelayLink } from './link.js';
import type { RelayConfig } from './relay-config.js';
import { wireRefusal } from './wire-refusal.js';

/** Requests of one link that wait for the policy's answer about it. */
export const MAX_UNDECIDED_PER_LINK = 64;

export interface UndecidedHandler {
  /** So many of one link may wait. */
  readonly mostOfLink: number;
  proceed(): void;
  refuse(code: number, text: string): void;
}

/** Requests for a connection that wait: the policy asks elsewhere about the dialer, or it is not their turn yet. */
export class UndecidedRequests {
  readonly #config: RelayConfig;
  readonly #byLink = new Map<RelayLink, number>();
  #size = 0;

  constructor(config: RelayConfig) {
    this.#config = config;
  }

  get size(): number {
    return this.#size;
  }

  /** Keeps the request until the answer; a dialer that goes, or sends data before it, is dropped. */
  hold(link: RelayLink, stream: MuxStream, answer: Promise<SealaneError | undefined>, handler: UndecidedHandler): void {
    const { budget } = this.#config;
    const count = this.#byLink.get(link) ?? 0;
    if (count >= handler.mostOfLink || budget.refusesStreams) {
      handler.refuse(RelayCode.BUSY, 'too many requests wait');
      return;
    }
    this.#byLink.set(link, count + 1);
    this.#size++;
    budget.take(CONNECTION_BYTES);
    let isWaiting = true;
    const settle = (action: () => void): void => {
      if (!isWaiting) return;
      isWaiting = false;
      const left = (this.#byLink.get(link) ?? 1) - 1;
      if (left === 0) this.#byLink.delete(link);
      else this.#byLink.set(link, left);
      this.#size--;
      budget.release(CONNECTION_BYTES);
      action();
    };
    // Nothing belongs on the stream before the owner's answer.
    const waiting: StreamHandler = {
      onData: () => settle(() => handler.refuse(RelayCode.MALFORMED, '')),
      onReset: () => settle(() => undefined),
    };
    stream.handler = waiting;
    void answer.then((refusal) =>
      settle(() =>
        refusal === undefined ? handler.proceed() : handler.refuse(wireRefusal(refusal).code, refusal.message),
      ),
    );
  }
}

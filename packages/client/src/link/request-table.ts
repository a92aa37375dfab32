import type { ControlMessage } from '@sealane/protocol';
import { SealaneError } from '@sealane/types';

interface PendingRequest {
  readonly deadlineMs: number;
  readonly resolve: (answer: ControlMessage) => void;
  readonly reject: (error: SealaneError) => void;
}

/** More would mean that a relay takes requests and answers none. */
const MAX_PENDING = 4_096;

/** Requests that wait for their answer. Deadlines are looked at by the link's tick, so no request has a timer. */
export class RequestTable {
  readonly #pending = new Map<number, PendingRequest>();
  #lastNumber = 0;

  get size(): number {
    return this.#pending.size;
  }

  /** ERR_LINK_TIMEOUT, ERR_ABORTED, the relay's refusal, or what ended the link. */
  add(deadlineMs: number, signal: AbortSignal | undefined): { number: number; answer: Promise<ControlMessage> } {
    if (this.#pending.size >= MAX_PENDING) {
      throw new SealaneError('ERR_LINK_TIMEOUT', 'too many requests wait for the relay', { retryable: true });
    }
    this.#lastNumber = (this.#lastNumber + 1) >>> 0 || 1;
    const number = this.#lastNumber;
    const answer = new Promise<ControlMessage>((resolve, reject) => {
      const abort = (): void => {
        this.#pending.delete(number);
        reject(new SealaneError('ERR_ABORTED', undefined, { cause: signal?.reason }));
      };
      const settled =
        <T>(call: (value: T) => void) =>
        (value: T): void => {
          signal?.removeEventListener('abort', abort);
          call(value);
        };
      this.#pending.set(number, { deadlineMs, resolve: settled(resolve), reject: settled(reject) });
      if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
    // Who asked awaits it; whatever comes between is no event of the process.
    answer.catch(() => undefined);
    return { number, answer };
  }

  /** False when nobody waits for this number (any more): an answer that came late. */
  resolve(number: number, answer: ControlMessage): boolean {
    const pending = this.#pending.get(number);
    this.#pending.delete(number);
    pending?.resolve(answer);
    return pending !== undefined;
  }

  reject(number: number, error: SealaneError): boolean {
    const pending = this.#pending.get(number);
    this.#pending.delete(number);
    pending?.reject(error);
    return pending !== undefined;
  }

  expire(nowMs: number): void {
    for (const [number, pending] of this.#pending) {
      if (pending.deadlineMs > nowMs) continue;
      this.reject(number, new SealaneError('ERR_LINK_TIMEOUT', undefined, { retryable: true }));
    }
  }

  rejectAll(error: SealaneError): void {
    for (const number of [...this.#pending.keys()]) this.reject(number, error);
  }
}

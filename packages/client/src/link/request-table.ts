import type { ControlMessage } from '@sealane/protocol';
import { SealaneError } from '@sealane/types';
import { whenAborted } from '../abort-signal.js';
import { Deferred } from '../session/deferred.js';

interface PendingRequest {
  readonly deadlineMs: number;
  readonly onPending: (() => void) | undefined;
  readonly answer: Deferred<ControlMessage>;
  /** The signal of who asked is no longer looked at. */
  stop: () => void;
}

/** More would mean that a relay takes requests and answers none. */
const MAX_PENDING = 4_096;

/** Requests that wait for their answer. Deadlines are looked at by the link's tick, so no request has a timer. */
export class RequestTable {
  readonly #pending = new Map<number, PendingRequest>();
  /** Those whose answer is somebody else's to give. */
  readonly #held = new Set<number>();
  #lastNumber = 0;

  /** Answers that are due. */
  get size(): number {
    return this.#pending.size - this.#held.size;
  }

  /** ERR_LINK_TIMEOUT, ERR_ABORTED, the relay's refusal, or what ended the link. */
  add(
    deadlineMs: number,
    options: { readonly signal?: AbortSignal | undefined; readonly onPending?: (() => void) | undefined },
  ): { number: number; answer: Promise<ControlMessage> } {
    const { signal, onPending } = options;
    if (this.#pending.size >= MAX_PENDING) {
      throw new SealaneError('ERR_LINK_TIMEOUT', 'too many requests wait for the relay', { retryable: true });
    }
    this.#lastNumber = (this.#lastNumber + 1) >>> 0 || 1;
    const number = this.#lastNumber;
    const pending: PendingRequest = { deadlineMs, onPending, answer: new Deferred(), stop: () => undefined };
    this.#pending.set(number, pending);
    pending.stop = whenAborted(signal, (error) => this.reject(number, error));
    return { number, answer: pending.answer.promise };
  }

  /** False when nobody waits for this number (any more): an answer that came late. */
  resolve(number: number, answer: ControlMessage): boolean {
    const pending = this.#take(number);
    pending?.answer.resolve(answer);
    return pending !== undefined;
  }

  reject(number: number, error: SealaneError): boolean {
    const pending = this.#take(number);
    pending?.answer.reject(error);
    return pending !== undefined;
  }

  /** The answer takes as long as somebody else does, where the request can wait for that. */
  hold(number: number): void {
    const pending = this.#pending.get(number);
    if (pending?.onPending === undefined) return;
    this.#held.add(number);
    pending.onPending();
  }

  expire(nowMs: number): void {
    for (const [number, pending] of this.#pending) {
      if (pending.deadlineMs > nowMs || this.#held.has(number)) continue;
      this.reject(number, new SealaneError('ERR_LINK_TIMEOUT', undefined, { retryable: true }));
    }
  }

  rejectAll(error: SealaneError): void {
    for (const number of [...this.#pending.keys()]) this.reject(number, error);
  }

  #take(number: number): PendingRequest | undefined {
    const pending = this.#pending.get(number);
    this.#pending.delete(number);
    this.#held.delete(number);
    pending?.stop();
    return pending;
  }
}

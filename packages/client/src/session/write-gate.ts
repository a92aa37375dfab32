import { SealaneError } from '@sealane/types';
import type { StreamPort } from './stream-port.js';

/** Chunks up to this size are copied, so that their memory is the caller's again at once. */
const COPY_BYTES = 16_384;
/** Copied chunks do not wait until so much is queued. */
const AHEAD_BYTES = 65_536;

/** Backpressure for writers that wait: small chunks run ahead and share records, large ones go by reference. */
export class WriteGate {
  readonly #port: StreamPort;
  #waiting: (() => void) | undefined;

  constructor(port: StreamPort) {
    this.#port = port;
  }

  /** Calls `done` when the chunk's memory is free and the next one is welcome, maybe at once. One write at a time. */
  write(chunk: Uint8Array, done: () => void): void {
    if (!(chunk instanceof Uint8Array)) throw new SealaneError('ERR_ARGUMENT', 'a stream carries bytes: Uint8Array');
    if (chunk.length === 0) {
      done();
      return;
    }
    const isCopied = chunk.length <= COPY_BYTES;
    // `slice` of a Buffer would share its memory.
    this.#port.write(isCopied ? Uint8Array.prototype.slice.call(chunk) : chunk);
    if (isCopied && this.#port.queuedBytes < AHEAD_BYTES) done();
    else this.#waiting = done;
  }

  onDrain(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  /** The stream is over: nothing that waits is called any more. */
  drop(): void {
    this.#waiting = undefined;
  }
}

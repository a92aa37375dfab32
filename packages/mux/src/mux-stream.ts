import type { StreamHandler } from './stream-handler.js';

/**
 * One stream. Both directions end on their own (FIN) or together (RESET). Once closed, every method is a no-op.
 */
export class MuxStream {
  /** Given when the OPEN is handed to a batch, 0 before: numbers grow in the order of the wire. */
  id = 0;
  handler: StreamHandler | undefined;

  /** Bytes written and not yet handed to a batch. The caller bounds them (`onSent`, `onDrain`). */
  get queuedBytes(): number {
    return 0;
  }
  /** Bytes the peer lets us send now. */
  get sendCredit(): number {
    return 0;
  }
  /** Bytes delivered and not yet consumed. */
  get heldBytes(): number {
    return 0;
  }
  get finSent(): boolean {
    return false;
  }
  get finReceived(): boolean {
    return false;
  }
  /** Finished in both directions, reset, or its mux ended. */
  get isClosed(): boolean {
    return false;
  }
  /** Opened by the peer. */
  get isInbound(): boolean {
    return false;
  }

  /**
   * Queues bytes by reference; they must not be changed afterwards. With `hasHeadroom` the {@link HEADROOM_BYTES}
   * before the chunk in its ArrayBuffer are given away too (as before every chunk from `onData`), so that a frame
   * header can be put there and the frame needs no copy.
   */
  write(_chunk: Uint8Array, _hasHeadroom?: boolean): void {}
  /** FIN after what is queued. Idempotent. */
  end(): void {}
  /** Sends the OPEN of a stream opened with `holdUntilData`. */
  sendOpen(): void {}
  /** Ends both directions at once; what is queued and held is dropped. The handler is not called. */
  reset(_code: number): void {}
  /** Returns credit for bytes that left the receiver's hands. */
  consume(_bytes: number): void {}
}

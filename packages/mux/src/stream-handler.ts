import type { SealaneError } from '@sealane/types';

/** What the user of a stream is told. Nothing is called after `onReset`. */
export interface StreamHandler {
  /** `onData` copies what it keeps of its chunks, which then are views of what was received. */
  readonly copies?: boolean;
  /**
   * Bytes in order. The chunk belongs to the receiver, see `copies`; it may be empty when `fin` is set. The receiver calls
   * `stream.consume(n)` when bytes left its hands. `fin` comes once: the peer sends nothing more.
   */
  onData(chunk: Uint8Array, fin: boolean): void;
  /**
   * The end of both directions: the peer's RESET, the end of the mux, its GOAWAY for a stream it will not serve, or
   * the process budget. What was delivered and not consumed is no longer charged. `code` is a `ResetCode`.
   */
  onReset(error: SealaneError, code: number): void;
  /** `queuedBytes` fell to 0: all was handed to a batch. */
  onDrain?(): void;
  /** So many bytes written to this stream were handed to a batch; called once per batch, after it was made. */
  onSent?(bytes: number): void;
  /** The peer granted credit: `sendCredit` grew. For senders that make data only when it can be sent. */
  onCredit?(): void;
}

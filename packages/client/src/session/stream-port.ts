import type { ResetCode, SealaneError } from '@sealane/types';

/** What happens on one stream, for adapters that want neither promises nor web streams. */
export interface StreamSink {
  /**
   * Bytes that arrived, in order. `fin` is the authenticated end of the peer's direction; the chunk may be empty then.
   * The chunk may be kept. Its length must be given to {@link StreamPort.consume} when it left the receiver's hands.
   */
  onData(chunk: Uint8Array, fin: boolean): void;
  /**
   * The stream ended without its authenticated end, in both directions. Called at most once, nothing follows.
   * It may come after both ends when the peer was never heard to have taken our end.
   */
  onReset(error: SealaneError): void;
  /** Everything given to `write` has been sealed and sent. */
  onDrain?(): void;
  /** The peer has acknowledged our end: every byte that was written arrived. */
  onEndAcknowledged?(): void;
}

/** Raw access to one stream: by reference, without copies and without a queue of its own. */
export interface StreamPort {
  readonly id: number;
  /** Bytes written and not yet sealed. Stop writing above a mark of your own; `onDrain` tells when it is 0. */
  readonly queuedBytes: number;
  readonly isClosed: boolean;
  /** Takes the stream over from the web streams. What arrived before is given to the sink at once. */
  attach(sink: StreamSink): void;
  /** By reference: the caller must not change `chunk` any more. */
  write(chunk: Uint8Array): void;
  /** The authenticated end of this direction, after what was written. */
  end(): void;
  /** Ends both directions at once. */
  reset(code?: ResetCode): void;
  /** Gives credit for `bytes` back to the peer. */
  consume(bytes: number): void;
}

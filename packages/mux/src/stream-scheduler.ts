import type { StreamCore } from './stream-core.js';

/** Whose turn it is to send. */
export interface StreamScheduler {
  /** A stream could send now. */
  readonly hasReady: boolean;
  /** The stream's `isReady` changed. */
  change(stream: StreamCore): void;
  /** The stream whose turn it is; call `sent` or `endTurn` for it before asking again. */
  next(): StreamCore | undefined;
  /** What the stream whose turn it is may send of it. */
  allowanceBytes(stream: StreamCore): number;
  /** Charges a frame to the stream whose turn it is. */
  sent(stream: StreamCore, bytes: number): void;
  /** A frame of the stream whose turn it is costs so much that it has to wait for another one. */
  endTurn(stream: StreamCore, cost: number): void;
  clear(): void;
}

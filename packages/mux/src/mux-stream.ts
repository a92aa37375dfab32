import type { ChunkGroup } from './send-queue.js';
import type { StreamHandler } from './stream-handler.js';

/**
 * One stream (docs/protocol/v1.md, "Streams"). Both directions end on their own (FIN) or together (RESET). Once it is
 * closed every method is a no-op, except that `consume` still counts bytes delivered before an orderly end.
 */
export interface MuxStream {
  /** Given when the OPEN is handed to a batch, 0 before: numbers grow in the order of the wire. */
  readonly id: number;
  handler: StreamHandler | undefined;
  /**
   * With a `GroupScheduler` streams with the same object here share one turn towards the peer: for forwarders, whose
   * sources are to get the same each, however many streams they use. Set it before the first write.
   */
  group: object | undefined;
  /** Opened by the peer. */
  readonly isInbound: boolean;
  /** Bytes written and not yet handed to a batch. The caller bounds them (`onSent`, `onDrain`). */
  readonly queuedBytes: number;
  /** Bytes the peer lets us send now. */
  readonly sendCredit: number;
  /** Bytes delivered and not yet consumed. */
  readonly heldBytes: number;
  /** The FIN was handed to a batch. */
  readonly finSent: boolean;
  readonly finReceived: boolean;
  /** Finished in both directions, reset, or its mux ended. */
  readonly isClosed: boolean;

  /**
   * Queues bytes by reference; they must not be changed afterwards. A group goes out in one frame where the frame may be so
   * large. ERR_ARGUMENT after `end`.
   */
  write(chunk: Uint8Array | ChunkGroup): void;
  /** FIN after what is queued. Idempotent. */
  end(): void;
  /** Sends the OPEN of a stream opened with `holdUntilData` now. */
  sendOpen(): void;
  /**
   * Ends both directions at once with a `ResetCode`: what is queued and held is dropped, the RESET overtakes queued
   * data, and a stream whose OPEN was never handed to a batch is forgotten without a trace. `onReset` is not called.
   */
  reset(code: number): void;
  /** Returns credit for bytes that left the receiver's hands. ERR_ARGUMENT for more than is held. */
  consume(bytes: number): void;
}

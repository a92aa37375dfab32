import type { SecureConnection } from './secure-connection.js';
import type { StreamPort } from './stream-port.js';

/** One stream inside a session. See README, "Streams". */
export declare class SecureStream implements AsyncDisposable {
  readonly id: number;
  /** Target that the opener named; '' by default. */
  readonly label: string;
  readonly metadata: Uint8Array;
  readonly connection: SecureConnection;
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  /** Raw access for adapters. */
  readonly raw: StreamPort;
  /** Resolves when both directions ended cleanly; rejects with the error that ended the stream otherwise. */
  readonly finished: Promise<void>;
  /** Ends this direction; resolves when the peer has acknowledged the end. */
  closeWrite(): Promise<void>;
  /** Ends both directions at once; the peer sees a reset, never an end. Idempotent. */
  abort(reason?: unknown): void;
  [Symbol.asyncDispose](): Promise<void>;
}

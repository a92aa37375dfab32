import type { ResetCode, SealaneError } from '@sealane/types';
import type { RecordSource } from '../link/send-turn.js';

/** What a path tells its session. */
export interface SessionPathSink extends RecordSource {
  /** Bytes of the peer's records, in order. */
  onPathData(chunk: Uint8Array): void;
  /** The path ended, in whatever way; nothing follows. */
  onPathEnd(error: SealaneError): void;
  /** Looks after deadlines once a second; true while an answer of the peer is due. */
  tick(): boolean;
}

/**
 * The way that a session's records take: one relayed stream. A session has at most one at a time, and it can be replaced
 * while the session and its streams stay.
 */
export interface SessionPath {
  /** The link that carries it, and the identity of its relay. */
  readonly link?: object;
  readonly relayId?: string | undefined;
  /** Bytes of records that the path can take now: 0 without credit or with a full queue towards the socket. */
  readonly sendableBytes: number;
  /** Takes a record of `bytes` bytes, in parts, by reference: they must not be changed any more. */
  send(record: readonly Uint8Array[], bytes: number): void;
  /** So many received bytes have been opened. */
  returnCredit(bytes: number): void;
  /** Asks for a turn to send. */
  wake(): void;
  /** Orderly end after what was sent; the other side has a few seconds to end its direction too. */
  end(): void;
  reset(code: ResetCode): void;
}

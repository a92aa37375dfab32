import type { Suite } from '@sealane/types';
import type { OpenStreamOptions } from '../options.js';
import type { SecureStream } from './secure-stream.js';

export interface ConnectionStatistics {
  /** Application bytes. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly recordsSent: number;
  readonly recordsReceived: number;
  readonly streamsOpened: number;
  readonly streamsAccepted: number;
  readonly streamsOpen: number;
  /** Round trip through the peer, undefined before the first measurement. */
  readonly rttMs: number | undefined;
}

export interface CloseOptions {
  /** Streams that are still open then are reset. Default 5,000. */
  readonly deadlineMs?: number;
}

/** One end-to-end session with one peer. */
export declare class SecureConnection implements AsyncIterable<SecureStream>, AsyncDisposable {
  readonly role: 'dialer' | 'owner';
  readonly peerId: string;
  readonly peerEpoch: number;
  readonly alpn: string;
  readonly service: string;
  readonly suite: Suite;
  /** The handshake hash: equal on both sides, different for every session. */
  readonly channelBinding: Uint8Array;
  readonly statistics: ConnectionStatistics;
  readonly isOpen: boolean;
  /** Resolves after an orderly close, rejects with the error that ended the session otherwise. */
  readonly closed: Promise<void>;
  openStream(options?: OpenStreamOptions): Promise<SecureStream>;
  /** Secret bytes that both sides can derive; labels start with `app/`. */
  exportKey(label: string, length: number): Uint8Array;
  close(options?: CloseOptions): Promise<void>;
  abort(reason?: unknown): void;
  [Symbol.asyncIterator](): AsyncIterator<SecureStream>;
  [Symbol.asyncDispose](): Promise<void>;
}

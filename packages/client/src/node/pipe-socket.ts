import type { Socket } from 'node:net';
import type { SealaneError } from '@sealane/types';
import type { SecureStream } from '../session/secure-stream.js';

export interface PipeSocketResult {
  /** Undefined when both directions ended cleanly. */
  readonly error: SealaneError | undefined;
  /** Who ended it without its end: the local socket, the stream, or nobody. */
  readonly endedBy: 'both' | 'socket' | 'stream';
  /** False on unix sockets and pipes when a reset could not be passed on to the local program. */
  readonly resetDelivered: boolean;
  /** Bytes from the socket into the stream, and back. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export interface PipeSocketOptions {
  /** Called once, when the stream and the socket are both done. */
  readonly onEnd?: (result: PipeSocketResult) => void;
  /** Bytes that the socket sent before it was given over, e.g. a protocol header that was read already. */
  readonly head?: Uint8Array;
}

/**
 * Joins a stream and a socket (created with `allowHalfOpen: true`), both ways, until both ended. An orderly half-close
 * stays one; a stream that ended without its authenticated end resets the socket, and a socket that was reset resets
 * the stream.
 */
export declare const pipeSocket: (stream: SecureStream, socket: Socket, options?: PipeSocketOptions) => void;

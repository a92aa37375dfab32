import type { Socket } from 'node:net';
import { beginCallback, endCallback, LargeReads, PieceWriter } from '@sealane/mux/node';
import { ResetCode, SealaneError } from '@sealane/types';
import type { SecureStream } from '../session/secure-stream.js';
import type { StreamPort, StreamSink } from '../session/stream-port.js';

export interface PipeSocketResult {
  /** Undefined when both directions ended cleanly. */
  readonly error: SealaneError | undefined;
  /** Who ended it without its end: the local socket, the stream, or nobody. */
  readonly endedBy: 'both' | 'socket' | 'stream';
  /** False when the stream broke and no reset could be passed on: unix sockets and pipes have none. */
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
 * How sockets for {@link pipeSocket} should be made: `net.createServer({ ...pipeSocketOptions })`,
 * `net.connect({ ...pipeSocketOptions, port })`. The small mark costs nothing here, since the pipe takes every chunk at
 * once, and lets it see a reset that comes with the last data after our own end on Node 20 and 22.
 */
export const pipeSocketOptions: { readonly allowHalfOpen: true; readonly highWaterMark: 1 } = {
  allowHalfOpen: true,
  highWaterMark: 1,
};

/** Unsealed bytes of one socket above which it is not read any further. */
const PAUSE_BYTES = 131_072;

/**
 * Joins a stream and a connected socket (made with {@link pipeSocketOptions}), both ways, until both ended: by reference, without
 * promises, with backpressure in both directions. An orderly half-close stays one; a stream that ended without its
 * authenticated end resets the socket, and a socket that was reset resets the stream.
 *
 * Nobody may have read `socket.remoteAddress` before: on Node 20 and 22 it is what tells a reset from an end.
 */
export function pipeSocket(stream: SecureStream, socket: Socket, options: PipeSocketOptions = {}): void {
  new SocketPipe(stream.raw, socket, options);
}

class SocketPipe implements StreamSink {
  readonly #port: StreamPort;
  readonly #socket: Socket;
  readonly #onEndCallback: PipeSocketOptions['onEnd'];
  readonly #hasReset: boolean;
  readonly #largeReads: LargeReads;
  readonly #writer: PieceWriter;
  #bytesSent = 0;
  #bytesReceived = 0;
  #socketEnded = false;
  #readsByCall = false;
  #streamEnded = false;
  #endAcknowledged = false;
  #socketClosed = false;
  #error: SealaneError | undefined;
  #endedBy: PipeSocketResult['endedBy'] = 'both';
  #resetDelivered = true;
  #isReported = false;

  constructor(port: StreamPort, socket: Socket, options: PipeSocketOptions) {
    this.#port = port;
    this.#socket = socket;
    this.#onEndCallback = options.onEnd;
    // Sockets without addresses are unix sockets and pipes: no reset exists there, neither to see nor to send.
    this.#hasReset = socket.localAddress !== undefined;
    this.#writer = new PieceWriter(socket, (bytes, error) => {
      if (!error) port.consume(bytes);
    });
    this.#largeReads = new LargeReads(socket, (chunk) => this.#onLargeRead(chunk));
    if (options.head !== undefined && options.head.length > 0) this.#take(options.head);
    socket.on('data', this.#onSocketData);
    socket.on('end', this.#onSocketEnd);
    socket.on('error', this.#onSocketError);
    socket.on('close', this.#onSocketClose);
    if (socket.destroyed) this.#onSocketClose();
    port.attach(this);
  }

  onData(chunk: Uint8Array, fin: boolean): void {
    const { length } = chunk;
    if (length > 0) {
      this.#bytesReceived += length;
      if (this.#socket.writable) {
        this.#writer.write(chunk, length);
        this.#writer.schedule();
      } else {
        this.#port.consume(length);
      }
    }
    if (!fin) return;
    this.#streamEnded = true;
    this.#readByCall();
    this.#writer.flush();
    this.#socket.end();
    this.#report();
  }

  onReset(error: SealaneError): void {
    const isLost = this.#error === undefined;
    if (isLost) {
      this.#error = error;
      this.#endedBy = 'stream';
    }
    this.#streamEnded = true;
    this.#endAcknowledged = true;
    this.#breakSocket();
    this.#report();
  }

  onDrain(): void {
    if (this.#readsByCall && !this.#largeReads.isOn) this.#onSocketReadable();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  onEndAcknowledged(): void {
    this.#endAcknowledged = true;
    this.#report();
  }

  readonly #onSocketData = (chunk: Uint8Array): void => {
    this.#largeReads.sawRead(chunk.length);
    beginCallback();
    try {
      this.#take(chunk);
    } finally {
      endCallback();
    }
    if (this.#port.queuedBytes >= PAUSE_BYTES) this.#socket.pause();
  };

  #onLargeRead(chunk: Uint8Array): boolean {
    this.#take(chunk);
    if (this.#readsByCall) {
      this.#socket.pause();
      setImmediate(() => {
        if (this.#port.queuedBytes < PAUSE_BYTES) this.#socket.resume();
      });
    } else if (this.#port.queuedBytes >= PAUSE_BYTES) {
      this.#socket.pause();
    }
    return true;
  }

  #take(chunk: Uint8Array): void {
    this.#bytesSent += chunk.length;
    this.#port.write(chunk);
  }

  /**
   * Once our own end goes out, the missing peer tells a reset from an end no more. What tells them apart then is a read
   * of its own after the last data, which Node 20 and 22 leave out when they see data and the end of the socket at once.
   * They cannot leave it out where each chunk fills the socket's buffer and is fetched in a later turn.
   */
  #readByCall(): void {
    if (this.#readsByCall || this.#socketEnded || this.#socket.destroyed || !this.#hasReset) return;
    this.#readsByCall = true;
    // There each read stops the reading by itself.
    if (this.#largeReads.isOn) return;
    this.#socket.off('data', this.#onSocketData);
    this.#socket.on('readable', this.#onSocketReadable);
  }

  readonly #onSocketReadable = (): void => {
    setImmediate(() => {
      while (this.#port.queuedBytes < PAUSE_BYTES) {
        const chunk: Uint8Array | null = this.#socket.read();
        if (chunk === null) return;
        this.#take(chunk);
      }
    });
  };

  readonly #onSocketEnd = (): void => {
    if (this.#socketEnded) return;
    if (this.#wasReset()) {
      this.#failSocket(new SealaneError('ERR_STREAM_RESET', 'the local connection was reset'));
      this.#socket.destroy();
      return;
    }
    this.#socketEnded = true;
    // Where one connection ends the next one often begins: both go out together.
    setImmediate(() => this.#port.end());
  };

  /**
   * Node 20 and 22 report a reset that arrives together with data as an end; then the socket has no peer any more.
   * After our own end went out that is no sign, since an orderly end leaves no peer either: see `#readByCall`.
   */
  #wasReset(): boolean {
    return this.#hasReset && !this.#socket.writableEnded && this.#socket.remoteAddress === undefined;
  }

  readonly #onSocketError = (cause: Error): void => {
    this.#failSocket(new SealaneError('ERR_STREAM_RESET', 'the local connection broke', { cause }));
  };

  readonly #onSocketClose = (): void => {
    if (this.#socketClosed) return;
    this.#socketClosed = true;
    if (!this.#socketEnded || !this.#streamEnded) {
      this.#failSocket(new SealaneError('ERR_STREAM_RESET', 'the local connection was closed'));
    }
    this.#report();
  };

  /** The socket broke: the peer must not take what it got for all there was. */
  #failSocket(error: SealaneError): void {
    if (this.#error !== undefined || (this.#streamEnded && this.#endAcknowledged)) return;
    this.#error = error;
    this.#endedBy = 'socket';
    // `reset` answers with onReset, which does the rest.
    this.#port.reset(ResetCode.CANCELLED);
  }

  #breakSocket(): void {
    if (this.#socket.destroyed) return;
    if (this.#hasReset) {
      // A socket whose shutdown is on its way cannot be reset in between: it would stay open, with neither an end nor a
      // reset for its peer. The shutdown waits for nothing once all was written.
      const isEnding = this.#socket.writableEnded && !this.#socket.writableFinished;
      if (isEnding && this.#socket.writableLength === 0 && this.#writer.pendingBytes === 0)
        this.#socket.once('finish', () => this.#socket.resetAndDestroy());
      else this.#socket.resetAndDestroy();
    } else {
      this.#resetDelivered = false;
      this.#socket.destroy();
    }
  }

  #report(): void {
    if (this.#isReported || !this.#socketClosed || !this.#streamEnded) return;
    if (this.#error === undefined && !this.#endAcknowledged) return;
    this.#isReported = true;
    this.#onEndCallback?.({
      error: this.#error,
      endedBy: this.#endedBy,
      resetDelivered: this.#resetDelivered,
      bytesSent: this.#bytesSent,
      bytesReceived: this.#bytesReceived,
    });
  }
}

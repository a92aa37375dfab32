import type { MuxStream, StreamHandler } from '@sealane/mux';
import { isSealaneError, ResetCode, SealaneError } from '@sealane/types';
import { Deferred } from './deferred.js';
import type { SecureConnection } from './secure-connection.js';
import type { EndOfStream } from './sent-records.js';
import type { StreamPort, StreamSink } from './stream-port.js';
import { createReadable, createWritable } from './web-streams.js';

/** What arrived before anybody took the stream; the window bounds it. */
interface Early {
  readonly chunks: Uint8Array[];
  fin: boolean;
}

/**
 * One stream inside a session: ordered bytes both ways, each direction with its own authenticated end. Use `readable`
 * and `writable`, or `raw`, not both.
 */
export class SecureStream implements StreamPort, StreamHandler, EndOfStream, AsyncDisposable {
  readonly connection: SecureConnection;
  /** Target that the opener named; '' by default. */
  readonly label: string;
  /** At most 1,024 bytes from the opener. */
  readonly metadata: Uint8Array;
  #stream: MuxStream | undefined;
  #sink: StreamSink | undefined;
  #early: Early | undefined;
  #finReceived = false;
  #endRequested = false;
  #endAcknowledged = false;
  #error: SealaneError | undefined;
  #finished: Deferred<void> | undefined;
  #endWaiters: Deferred<void> | undefined;
  #readable: ReadableStream<Uint8Array> | undefined;
  #writable: WritableStream<Uint8Array> | undefined;

  /** @internal Made by a connection, never by applications. */
  constructor(connection: SecureConnection, label: string, metadata: Uint8Array) {
    this.connection = connection;
    this.label = label;
    this.metadata = metadata;
  }

  /** Number in its session; 0 until the opening left. */
  get id(): number {
    return this.#stream?.id ?? 0;
  }

  /** Raw access for adapters: by reference, without promises. */
  get raw(): StreamPort {
    return this;
  }

  /**
   * The peer's bytes. Credit follows the reader, so that a reader who stops also stops the peer. Ends with the
   * authenticated end, errors with ERR_E2EE_TRUNCATED, ERR_STREAM_* or what else ended the stream. `cancel` discards what
   * still comes, and resets the stream once the other direction has ended.
   */
  get readable(): ReadableStream<Uint8Array> {
    this.#useWebStreams();
    return this.#readable!;
  }

  /**
   * Our bytes. A write resolves when the bytes are the stream's; chunks above 16 KiB must not be changed before that.
   * `close` resolves when the peer acknowledged the end, `abort` resets the stream.
   */
  get writable(): WritableStream<Uint8Array> {
    this.#useWebStreams();
    return this.#writable!;
  }

  /** Resolves when both directions ended cleanly; rejects with the error that ended the stream otherwise. */
  get finished(): Promise<void> {
    if (this.#finished === undefined) {
      this.#finished = new Deferred<void>();
      this.#settleFinished();
    }
    return this.#finished.promise;
  }

  get queuedBytes(): number {
    return this.#stream?.queuedBytes ?? 0;
  }

  get isClosed(): boolean {
    return this.#error !== undefined || (this.#finReceived && this.#endAcknowledged);
  }

  /** Ends our direction; resolves when the peer has acknowledged the end. */
  closeWrite(): Promise<void> {
    this.end();
    if (this.#endAcknowledged) return Promise.resolve();
    if (this.#error !== undefined) return Promise.reject(this.#error);
    this.#endWaiters ??= new Deferred<void>();
    return this.#endWaiters.promise;
  }

  /** Ends both directions at once; the peer sees a reset, never an end. Idempotent. */
  abort(reason?: unknown): void {
    this.reset(ResetCode.CANCELLED, isSealaneError(reason) ? reason : undefined);
  }

  /** Aborts what has not ended cleanly. */
  [Symbol.asyncDispose](): Promise<void> {
    if (!this.isClosed) this.abort();
    return Promise.resolve();
  }

  /** @internal Called once by the connection, before anything happens on the stream. */
  bind(stream: MuxStream): void {
    this.#stream = stream;
  }

  /** The opening leaves now, where it was held back. */
  sendOpen(): void {
    this.#stream?.sendOpen();
  }

  attach(sink: StreamSink): void {
    if (this.#sink !== undefined) throw new SealaneError('ERR_ARGUMENT', 'the stream is already in use');
    this.#sink = sink;
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) {
      const last = early.chunks.length - 1;
      for (const [index, chunk] of early.chunks.entries()) sink.onData(chunk, early.fin && index === last);
      if (early.fin && last < 0) sink.onData(new Uint8Array(0), true);
    }
    if (this.#error !== undefined) sink.onReset(this.#error);
    else if (this.#endAcknowledged) sink.onEndAcknowledged?.();
  }

  write(chunk: Uint8Array): void {
    this.#stream?.write(chunk);
  }

  end(): void {
    if (this.#endRequested || this.#error !== undefined) return;
    this.#endRequested = true;
    this.#stream?.end();
  }

  reset(code: ResetCode = ResetCode.CANCELLED, error?: SealaneError): void {
    this.#stream?.reset(code);
    this.#fail(error ?? new SealaneError('ERR_STREAM_CANCELLED'));
  }

  consume(bytes: number): void {
    this.#stream?.consume(bytes);
  }

  onData(chunk: Uint8Array, fin: boolean): void {
    if (fin) this.#finReceived = true;
    if (this.#sink === undefined) {
      this.#early ??= { chunks: [], fin: false };
      if (chunk.length > 0) this.#early.chunks.push(chunk);
      this.#early.fin = fin;
    } else {
      this.#sink.onData(chunk, fin);
    }
    if (fin && this.#endAcknowledged) this.#done();
  }

  onReset(error: SealaneError): void {
    this.#fail(error);
  }

  onDrain(): void {
    this.#sink?.onDrain?.();
  }

  onEndAcknowledged(): void {
    if (this.#error !== undefined) return;
    this.#endAcknowledged = true;
    this.#sink?.onEndAcknowledged?.();
    this.#endWaiters?.resolve();
    if (this.#finReceived) this.#done();
  }

  /** @internal */
  onEndLost(error: SealaneError): void {
    this.#fail(error);
  }

  #useWebStreams(): void {
    if (this.#readable !== undefined) return;
    const readable = createReadable(this);
    const writable = createWritable(this);
    this.#readable = readable.stream;
    this.#writable = writable.stream;
    let isWriteEnded = false;
    this.attach({
      onData: (chunk, fin) => readable.onData(chunk, fin),
      onReset: (error) => {
        readable.onReset(error);
        writable.onReset(error);
      },
      onDrain: () => writable.onDrain(),
      onEndAcknowledged: () => {
        if (isWriteEnded) return;
        isWriteEnded = true;
        writable.onEndAcknowledged();
        readable.onWriteEnded();
      },
    });
  }

  #fail(error: SealaneError): void {
    // For the mux a stream is over with both ends, and what waits for its reader stays charged until it is consumed:
    // after an error nobody does that.
    this.#stream?.consume(this.#stream.heldBytes);
    if (this.isClosed) return;
    this.#error = error;
    // Web streams and adapters read what arrived before, in order; nothing was handed to nobody.
    this.#sink?.onReset(error);
    this.#endWaiters?.reject(error);
    this.#done();
  }

  #done(): void {
    this.#settleFinished();
    this.connection.onStreamDone(this);
  }

  #settleFinished(): void {
    if (this.#error !== undefined) this.#finished?.reject(this.#error);
    else if (this.isClosed) this.#finished?.resolve();
  }
}

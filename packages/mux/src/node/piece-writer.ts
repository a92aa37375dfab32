import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { atCallbackEnd, type CallbackEndTask } from './callback-end.js';

/** Two neighbours of at most this size are one piece: a piece of its own costs more than the copy. */
const SMALL_BYTES = 512;
/** A piece up to this size goes past what a stream keeps about its writes: the kernel nearly always takes it at once. */
const DIRECT_BYTES = 4_096;

/**
 * What is written to a socket in one callback of the event loop is one write at its end, by reference. A single piece takes
 * the short way through Node's streams, a small one goes past them.
 */
export class PieceWriter implements CallbackEndTask {
  readonly #socket: Duplex;
  readonly #onWritten: (bytes: number, error?: Error | null) => void;
  /** A plain socket: on others the stream knows what the kernel does not. */
  readonly #mayBeDirect: boolean;
  #pieces: Uint8Array[] = [];
  #piecesBytes = 0;
  #countedBytes = 0;
  #isScheduled = false;
  /** Of the piece that went past the stream and was not taken yet; 0 when there is none. */
  #directBytes = 0;
  #directCountedBytes = 0;

  /** `onWritten` is told how many bytes of those that were counted have left, or that they will not: also within `flush`. */
  constructor(socket: Duplex, onWritten: (bytes: number, error?: Error | null) => void) {
    this.#socket = socket;
    this.#onWritten = onWritten;
    this.#mayBeDirect = Object.getPrototypeOf(socket) === Socket.prototype;
  }

  /** What neither the kernel nor the stream was given yet. */
  get pendingBytes(): number {
    return this.#piecesBytes + this.#directBytes;
  }

  /** `countedBytes` are for `onWritten`. The piece must not be changed any more. {@link schedule} or {@link flush} follows. */
  write(piece: Uint8Array, countedBytes: number): void {
    const pieces = this.#pieces;
    const last = pieces.length === 0 ? undefined : pieces[pieces.length - 1];
    if (last !== undefined && last.length <= SMALL_BYTES && piece.length <= SMALL_BYTES) {
      const both = Buffer.allocUnsafe(last.length + piece.length);
      both.set(last);
      both.set(piece, last.length);
      pieces[pieces.length - 1] = both;
    } else {
      pieces.push(piece);
    }
    this.#countedBytes += countedBytes;
    this.#piecesBytes += piece.length;
  }

  /** {@link flush} at the end of the present callback. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    atCallbackEnd(this);
  }

  /** Writes now what else would be written at the end of the present callback. */
  flush(): void {
    const pieces = this.#pieces;
    if (pieces.length === 0) return;
    const bytes = this.#countedBytes;
    this.#countedBytes = 0;
    this.#piecesBytes = 0;
    if (pieces.length === 1 && this.#isDirect(pieces[0]!)) {
      this.#writeDirectly(pieces.pop()!, bytes);
      return;
    }
    this.#pieces = [];
    const onWritten = (error?: Error | null): void => this.#onWritten(bytes, error);
    const last = pieces.length - 1;
    if (last > 0) {
      this.#socket.cork();
      for (let index = 0; index < last; index += 1) this.#socket.write(pieces[index]!);
    }
    this.#socket.write(pieces[last]!, onWritten);
    if (last > 0) this.#socket.uncork();
  }

  /** For {@link flush} at the end of the callback. */
  onCallbackEnd(): void {
    this.#isScheduled = false;
    this.flush();
  }

  #isDirect(piece: Uint8Array): boolean {
    const socket = this.#socket;
    if (!this.#mayBeDirect || piece.length > DIRECT_BYTES || this.#directBytes > 0) return false;
    return socket.writableLength === 0 && socket.writable && !(socket as Socket).connecting;
  }

  /** What the stream itself does with a piece once everything before it has left. What comes after it waits in order behind it. */
  #writeDirectly(piece: Uint8Array, countedBytes: number): void {
    this.#directBytes = piece.length;
    this.#directCountedBytes = countedBytes;
    this.#socket._write(piece, 'buffer' as BufferEncoding, this.#onDirect);
  }

  readonly #onDirect = (error?: Error | null): void => {
    this.#directBytes = 0;
    if (error) this.#socket.destroy(error);
    this.#onWritten(this.#directCountedBytes, error);
  };
}

import type { Duplex } from 'node:stream';

/** Two neighbours of at most this size are one piece: a piece of its own costs more than the copy. */
const SMALL_BYTES = 512;

/**
 * What is written to a socket in one callback of the event loop is one write at its end, by reference. A single piece takes
 * the short way through Node's streams.
 */
export class PieceWriter {
  /** What the socket was not given yet. */
  pendingBytes = 0;
  readonly #socket: Duplex;
  readonly #onWritten: (bytes: number, error?: Error | null) => void;
  #pieces: Uint8Array[] = [];
  #countedBytes = 0;
  #isScheduled = false;

  /** `onWritten` is told how many bytes of those that were counted have left, or that they will not. */
  constructor(socket: Duplex, onWritten: (bytes: number, error?: Error | null) => void) {
    this.#socket = socket;
    this.#onWritten = onWritten;
  }

  /** `countedBytes` are for `onWritten`. The piece must not be changed any more. {@link schedule} or {@link flush} follows. */
  write(piece: Uint8Array, countedBytes: number): void {
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.length <= SMALL_BYTES && piece.length <= SMALL_BYTES) {
      const both = Buffer.allocUnsafe(last.length + piece.length);
      both.set(last);
      both.set(piece, last.length);
      this.#pieces[this.#pieces.length - 1] = both;
    } else {
      this.#pieces.push(piece);
    }
    this.#countedBytes += countedBytes;
    this.pendingBytes += piece.length;
  }

  /** {@link flush} at the end of the present callback. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(flush, this);
  }

  /** Writes now what else would be written at the end of the present callback. */
  flush(): void {
    const pieces = this.#pieces;
    if (pieces.length === 0) return;
    const bytes = this.#countedBytes;
    this.#pieces = [];
    this.#countedBytes = 0;
    this.pendingBytes = 0;
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
  onTick(): void {
    this.#isScheduled = false;
    this.flush();
  }
}

function flush(writer: PieceWriter): void {
  writer.onTick();
}

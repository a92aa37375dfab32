import { closeSync, createWriteStream, openSync, type WriteStream } from 'node:fs';
import { isSealaneError, SealaneError } from '@sealane/types';

/** Lines beyond this that the disk or the reader has not taken are dropped and counted. */
const MAX_UNWRITTEN_BYTES = 1_048_576;
const CLOSE_WAIT_MS = 1_000;

interface LineStream {
  readonly writableLength: number;
  write(text: string): unknown;
}

/** Where lines of the log go: a file, or standard error. What nobody takes costs a bounded memory and stops nothing. */
export class LogSink {
  readonly #file: string | undefined;
  readonly #onFault: (error: Error) => void;
  #stream: LineStream;
  #opened: WriteStream | undefined;
  #dropped = 0;

  private constructor(file: string | undefined, onFault: (error: Error) => void, stderr: LineStream) {
    this.#file = file;
    this.#onFault = onFault;
    this.#stream = stderr;
  }

  /** @throws ERR_CONFIG for a file that cannot be added to */
  static open(file: string | undefined, onFault: (error: Error) => void, stderr: LineStream = process.stderr): LogSink {
    const sink = new LogSink(file, onFault, stderr);
    sink.#open();
    return sink;
  }

  /** One line with its line break. */
  write(line: string): void {
    // Once something was dropped, half of it must have been taken before anything is written again.
    const mostBytes = this.#dropped > 0 ? MAX_UNWRITTEN_BYTES / 2 : MAX_UNWRITTEN_BYTES;
    if (this.#stream.writableLength > mostBytes) {
      this.#dropped++;
      return;
    }
    const count = this.#dropped;
    this.#dropped = 0;
    const time = new Date().toISOString();
    const gap = count === 0 ? '' : `${JSON.stringify({ level: 'warn', time, event: 'dropped', count })}\n`;
    try {
      this.#stream.write(gap + line);
    } catch {
      // A full disk or a closed terminal may throw here; neither stops a relay.
    }
  }

  /** Plain text among its lines would be in the way. */
  get isStderr(): boolean {
    return this.#file === undefined;
  }

  /** The file may have been moved away: what comes now goes to one of its name. */
  reopen(): void {
    if (this.#file === undefined) return;
    const before = this.#opened;
    try {
      this.#open();
      before?.end();
    } catch (error) {
      this.#onFault(isSealaneError(error) ? error : new SealaneError('ERR_INTERNAL', undefined, { cause: error }));
    }
  }

  /** Resolves when everything is written, or the disk takes too long. */
  async close(): Promise<void> {
    const stream = this.#opened;
    if (stream === undefined || stream.destroyed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_WAIT_MS);
      stream.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      stream.end();
    });
  }

  #open(): void {
    if (this.#file === undefined) return;
    let fd: number;
    try {
      fd = openSync(this.#file, 'a', 0o600);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new SealaneError('ERR_CONFIG', `the log cannot be added to ${this.#file}: ${message}`, { cause: error });
    }
    let stream: WriteStream;
    try {
      stream = createWriteStream(this.#file, { fd });
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    // A full disk ends a stream of Node for good: the log goes on with the next reopen.
    stream.on('error', (error) => {
      this.#onFault(error);
      if (this.#opened === stream) this.#stream = nowhere;
    });
    this.#opened = stream;
    this.#stream = stream;
  }
}

const nowhere: LineStream = { writableLength: 0, write: () => undefined };

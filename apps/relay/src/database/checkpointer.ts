import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { CheckpointAnswer, CheckpointThreadData } from './checkpoint-thread.js';
import type { SqlDriverName } from './sql-driver.js';

const LOOK_MS = 500;
/** Size of the log from which it is moved into the file. */
const LOG_BYTES = 4 << 20;
/**
 * Pages in the log from which SQLite moves it by itself, in the middle of a write: 64 MiB, where the thread is not there or
 * does not keep up.
 */
export const SELF_CHECKPOINT_PAGES = 16_384;

const program = new URL('./checkpoint-thread.js', import.meta.url);

/**
 * Moves the log of a database into its file by a thread of its own: that waits for the disk, some ten milliseconds at a
 * time, while the event loop goes on. The thread is made when the log is long for the first time.
 */
export class Checkpointer {
  readonly #data: CheckpointThreadData;
  readonly #log: string;
  readonly #timer: NodeJS.Timeout;
  #thread: Worker | undefined;
  #isBusy = false;
  /** Since the start. */
  #count = 0;
  #problem: string | undefined;

  constructor(file: string, driver: SqlDriverName) {
    this.#data = { file, driver };
    this.#log = `${file}-wal`;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  get count(): number {
    return this.#count;
  }

  /** What went wrong last; SQLite does it by itself then. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Starts a checkpoint if the log is long and none runs. */
  look(): void {
    const size = statSync(this.#log, { throwIfNoEntry: false })?.size ?? 0;
    if (this.#isBusy || size < LOG_BYTES || this.#problem !== undefined) return;
    this.#thread ??= this.#start();
    if (this.#thread === undefined) return;
    this.#isBusy = true;
    this.#thread.postMessage('checkpoint');
  }

  /** Resolves when the thread has given the file back. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const thread = this.#thread;
    this.#thread = undefined;
    if (thread === undefined) return;
    // Nothing else may keep the process alive until then.
    thread.ref();
    const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
    thread.postMessage('close');
    await ended;
  }

  #start(): Worker | undefined {
    if (!existsSync(program)) return undefined;
    const thread = new Worker(fileURLToPath(program), { workerData: this.#data, name: 'checkpoint', execArgv: [] });
    thread.unref();
    thread.on('message', ({ problem }: CheckpointAnswer) => {
      this.#isBusy = false;
      if (problem === undefined) this.#count++;
      else this.#problem = problem;
    });
    thread.on('error', (error) => {
      this.#isBusy = false;
      this.#problem = String(error);
    });
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined;
    });
    return thread;
  }
}

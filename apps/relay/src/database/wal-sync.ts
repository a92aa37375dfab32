import { type FileHandle, open } from 'node:fs/promises';
import { SealaneError } from '@sealane/types';

interface Round {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Puts what was committed onto the disk without making the event loop wait: SQLite writes its log to the system's memory
 * (which outlives a killed process), and a thread of the platform's pool flushes it (which outlives a power cut). One
 * flush at a time; whoever asks while one runs shares the next.
 */
export class WalSync {
  /** After every flush. */
  onFlush: () => void = () => undefined;
  readonly #file: string;
  #handle: FileHandle | undefined;
  #next: Round | undefined;
  #isRunning = false;
  #failure: SealaneError | undefined;
  #idle: Promise<void> = Promise.resolve();

  constructor(databaseFile: string) {
    this.#file = `${databaseFile}-wal`;
  }

  /** Resolves when everything that was committed before the call is on the disk. @throws ERR_DATABASE */
  flushed(): Promise<void> {
    this.#next ??= createRound();
    const { promise } = this.#next;
    if (!this.#isRunning) this.#idle = this.#run();
    return promise;
  }

  async close(): Promise<void> {
    await this.#idle;
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // Commits of this turn of the event loop join the first round.
    await Promise.resolve();
    for (let round = this.#next; round !== undefined; round = this.#next) {
      this.#next = undefined;
      try {
        await this.#flush();
        round.resolve();
        this.onFlush();
      } catch (error) {
        round.reject(error);
      }
    }
    this.#isRunning = false;
  }

  async #flush(): Promise<void> {
    // After a flush that failed the system may have dropped the bytes and say yes to the next one.
    if (this.#failure !== undefined) throw this.#failure;
    try {
      this.#handle ??= await open(this.#file, 'r+');
      await this.#handle.datasync();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#failure = new SealaneError('ERR_DATABASE', `the database cannot be put onto its disk: ${reason}`, {
        cause: error,
      });
      throw this.#failure;
    }
  }
}

function createRound(): Round {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<void>((onDone, onError) => {
    resolve = onDone;
    reject = onError;
  });
  // Who only wants to have asked need not listen.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

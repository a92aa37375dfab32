import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { isSealaneError, SealaneError } from '@sealane/types';

const POLL_MS = 250;

/** The text of a file of at most `maxBytes`. @throws ERR_CONFIG */
export function readTextFile(path: string, maxBytes: number): string {
  try {
    const file = openSync(path, 'r');
    try {
      if (fstatSync(file).size > maxBytes) {
        throw new SealaneError('ERR_CONFIG', `${path} is larger than ${maxBytes} bytes`);
      }
      return readFileSync(file, 'utf8');
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (isSealaneError(error)) throw error;
    throw new SealaneError('ERR_CONFIG', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

export interface TextFileWatcher {
  readonly maxBytes: number;
  /** @throws ERR_CONFIG for a text that is none, which is told then */
  onText(text: string): void;
  onProblem(error: SealaneError): void;
}

/**
 * Calls `onText` with the file's text whenever it changed after this call. A file that is being written is taken once two
 * looks in a row saw the same; one that cannot be read, or that `onText` throws for, changes nothing and is told once.
 * Returns how to stop. The looks keep no process alive.
 */
export function watchTextFile(path: string, watcher: TextFileWatcher, intervalMs: number = POLL_MS): () => void {
  let taken = fingerprint(path);
  let previous = taken;
  const timer = setInterval(() => {
    const seen = fingerprint(path);
    if (seen !== taken && seen === previous) {
      taken = seen;
      try {
        watcher.onText(readTextFile(path, watcher.maxBytes));
      } catch (error) {
        const known = isSealaneError(error) ? error : new SealaneError('ERR_INTERNAL', String(error), { cause: error });
        watcher.onProblem(known);
      }
    }
    previous = seen;
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

function fingerprint(path: string): string {
  try {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs}`;
  } catch (error) {
    return `missing: ${(error as NodeJS.ErrnoException).code}`;
  }
}

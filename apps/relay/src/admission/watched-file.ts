import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { isSealaneError, SealaneError } from '@sealane/types';

const MAX_BYTES = 16_777_216;
const POLL_MS = 250;

/** The text of a file of bounded size. Throws ERR_CONFIG. */
export function readBoundedFile(path: string): string {
  try {
    const file = openSync(path, 'r');
    try {
      if (fstatSync(file).size > MAX_BYTES) {
        throw new SealaneError('ERR_CONFIG', `${path} is larger than ${MAX_BYTES} bytes`);
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

export interface FileWatcher {
  /** @throws ERR_CONFIG for a text that is none, which is told then */
  onText(text: string): void;
  onProblem(error: SealaneError): void;
}

/**
 * Calls `onText` with the file's text whenever it changed after this call. A file that is being written is taken once two
 * looks in a row saw the same; one that cannot be read, or that `onText` throws ERR_CONFIG for, changes nothing and is
 * told once. Returns how to stop.
 */
export function watchFile(path: string, { onText, onProblem }: FileWatcher): () => void {
  let taken = fingerprint(path);
  let previous = taken;
  const timer = setInterval(() => {
    const seen = fingerprint(path);
    if (seen !== taken && seen === previous) {
      taken = seen;
      try {
        onText(readBoundedFile(path));
      } catch (error) {
        onProblem(isSealaneError(error) ? error : new SealaneError('ERR_INTERNAL', String(error), { cause: error }));
      }
    }
    previous = seen;
  }, POLL_MS);
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

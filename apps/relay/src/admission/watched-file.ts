import { open, stat } from 'node:fs/promises';
import { isSealaneError, SealaneError } from '@sealane/types';

const MAX_BYTES = 16_777_216;
const POLL_MS = 250;

/** The text of a file of bounded size. Throws ERR_CONFIG. */
export async function readBoundedFile(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > MAX_BYTES) throw new SealaneError('ERR_CONFIG', `${path} is larger than ${MAX_BYTES} bytes`);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isSealaneError(error)) throw error;
    throw new SealaneError('ERR_CONFIG', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Calls `onText` with the file's text now and whenever it changed. One that is being written is taken once two looks in a
 * row saw the same; one that cannot be read, or that `onText` throws ERR_CONFIG for, changes nothing and is told once.
 * Resolves after the first reading, and rejects with its error. Returns how to stop.
 */
export async function watchFile(
  path: string,
  onText: (text: string) => void,
  onProblem: (error: SealaneError) => void,
): Promise<() => void> {
  let taken = await fingerprint(path);
  onText(await readBoundedFile(path));
  let previous = taken;
  let isStopped = false;
  let timer: NodeJS.Timeout;
  const look = async (): Promise<void> => {
    const seen = await fingerprint(path);
    if (seen !== taken && seen === previous && !isStopped) {
      taken = seen;
      try {
        const text = await readBoundedFile(path);
        if (!isStopped) onText(text);
      } catch (error) {
        if (!isSealaneError(error)) throw error;
        onProblem(error);
      }
    }
    previous = seen;
    if (!isStopped) schedule();
  };
  const schedule = (): void => {
    timer = setTimeout(() => {
      look().catch((error: unknown) => onProblem(new SealaneError('ERR_INTERNAL', String(error), { cause: error })));
    }, POLL_MS);
    timer.unref();
  };
  schedule();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}

async function fingerprint(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs}`;
  } catch (error) {
    return `missing: ${(error as NodeJS.ErrnoException).code}`;
  }
}

import { open, stat } from 'node:fs/promises';
import { isSealaneError, SealaneError } from '@sealane/types';
import { type AllowEntry, parseAllowEntry } from './allow-entry.js';

const maxBytes = 4_194_304;
const pollMs = 250;

/** One `ID` or `ID?e=EPOCH` per line; empty lines and what follows `#` do not count. Throws ERR_CONFIG with the line's number. */
export function parseAllowFile(text: string, path: string): AllowEntry[] {
  const entries: AllowEntry[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const content = line.replace(/#.*$/, '').trim();
    if (content === '') continue;
    try {
      entries.push(parseAllowEntry(content));
    } catch (error) {
      if (!isSealaneError(error)) throw error;
      throw new SealaneError('ERR_CONFIG', `${path} line ${index + 1}: ${error.message}`, { cause: error });
    }
  }
  return entries;
}

export async function readAllowFile(path: string): Promise<AllowEntry[]> {
  return parseAllowFile(await readBounded(path), path);
}

async function readBounded(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > maxBytes) throw new SealaneError('ERR_CONFIG', `${path} is larger than ${maxBytes} bytes`);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isSealaneError(error)) throw error;
    throw new SealaneError('ERR_CONFIG', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

export interface AllowFileWatch {
  stop(): void;
}

/**
 * Calls `onEntries` when the file's content has changed. A file that is being written is taken once two looks in a row
 * saw the same; one that cannot be read or has a bad line changes nothing and is reported once per change.
 */
export function watchAllowFile(
  path: string,
  handler: { onEntries(entries: AllowEntry[]): void; onProblem(error: SealaneError): void },
  intervalMs: number = pollMs,
): AllowFileWatch {
  let taken: string | undefined;
  let previous: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const look = async (): Promise<void> => {
    const seen = await fingerprint(path);
    // The first look only remembers: the caller has read the file just before.
    if (taken === undefined) taken = seen;
    if (seen !== taken && seen === previous) {
      taken = seen;
      try {
        const entries = await readAllowFile(path);
        if (!stopped) handler.onEntries(entries);
      } catch (error) {
        if (!stopped) handler.onProblem(error as SealaneError);
      }
    }
    previous = seen;
    if (!stopped) schedule();
  };
  const schedule = (): void => {
    timer = setTimeout(() => void look(), intervalMs);
    timer.unref();
  };
  void look();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
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

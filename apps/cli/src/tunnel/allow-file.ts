import { readTextFile, watchTextFile } from '@sealane/crypto/key-file';
import { isSealaneError, SealaneError } from '@sealane/types';
import { type AllowEntry, parseAllowEntry } from './allow-entry.js';

const maxBytes = 4_194_304;

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

/** @throws ERR_CONFIG */
export function readAllowFile(path: string): AllowEntry[] {
  return parseAllowFile(readTextFile(path, maxBytes), path);
}

/**
 * Calls `onEntries` when the file's content has changed; one that cannot be read or has a bad line changes nothing and is
 * reported once per change. Returns how to stop.
 */
export function watchAllowFile(
  path: string,
  handler: { onEntries(entries: AllowEntry[]): void; onProblem(error: SealaneError): void },
  intervalMs?: number,
): () => void {
  const { onEntries, onProblem } = handler;
  return watchTextFile(
    path,
    { maxBytes, onText: (text) => onEntries(parseAllowFile(text, path)), onProblem },
    intervalMs,
  );
}

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { encodeId, parseId } from '@sealane/crypto/credential';
import { MemoryTokenStore, type TokenRecord } from '@sealane/server/policy';
import { isSealaneError, SealaneError } from '@sealane/types';

/** Of files that an operator writes. */
export const MAX_FILE_BYTES = 16_777_216;

/**
 * One line of a file of tokens, which only grows, as relays kept them before they had a database: a token, an identity
 * that one enrolled, or the end of a token.
 */
type Line =
  | {
      readonly token: string;
      readonly hash: string;
      readonly expiresAtMs: number | null;
      readonly uses: number | null;
      readonly note: string;
    }
  | { readonly enrolled: string; readonly by: string }
  | { readonly revoked: string };

export function lineOf({ id, hash, expiresAtMs, uses, note }: TokenRecord): Line {
  return { token: id, hash: Buffer.from(hash).toString('hex'), expiresAtMs, uses, note };
}

/** Whole on the disk when it returns. The file is made if missing, for its user alone. Throws ERR_CONFIG. */
export function appendTokenLine(path: string, line: Line): void {
  try {
    const file = openSync(path, 'a', 0o600);
    try {
      writeSync(file, `${JSON.stringify(line)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new SealaneError('ERR_CONFIG', `${path} cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

/** Throws ERR_CONFIG with the number of a line that is none. A line that is not finished yet is left for the next look. */
export function readTokens(text: string, path: string): MemoryTokenStore {
  const tokens = new MemoryTokenStore();
  const lines = text.split('\n');
  lines.pop();
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    try {
      apply(tokens, parseLine(line));
    } catch (error) {
      const reason = isSealaneError(error) ? error.message : 'it is no line of a token file';
      throw new SealaneError('ERR_CONFIG', `${path} line ${index + 1}: ${reason}`, { cause: error });
    }
  }
  return tokens;
}

function apply(tokens: MemoryTokenStore, line: Line): void {
  if ('enrolled' in line) tokens.restore(line.by, line.enrolled);
  else if ('revoked' in line) tokens.revoke(line.revoked);
  else {
    const { token, hash, expiresAtMs, uses, note } = line;
    tokens.add({ id: token, hash: Buffer.from(hash, 'hex'), expiresAtMs, uses, note });
  }
}

function parseLine(text: string): Line {
  const line: unknown = JSON.parse(text);
  if (typeof line !== 'object' || line === null) throw wrong();
  const { token, hash, expiresAtMs, uses, note, enrolled, by, revoked } = line as Readonly<Record<string, unknown>>;
  if (isTokenId(revoked)) return { revoked };
  if (typeof enrolled === 'string' && isTokenId(by)) return { enrolled: encodeId(parseId(enrolled)), by };
  const isCount = (value: unknown): value is number | null =>
    value === null || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0);
  if (!isTokenId(token) || typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) throw wrong();
  if (!isCount(expiresAtMs) || !isCount(uses) || typeof note !== 'string') throw wrong();
  return { token, hash, expiresAtMs, uses, note };
}

function isTokenId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{16}$/.test(value);
}

function wrong(): SealaneError {
  return new SealaneError('ERR_CONFIG', 'it is no line of a token file');
}

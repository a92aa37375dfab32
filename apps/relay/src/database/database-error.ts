import { type ErrorCode, isSealaneError, SealaneError } from '@sealane/types';

/** Primary result codes of SQLite. */
const codes: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  8: ['ERR_DATABASE_READ_ONLY', 'the database cannot be written: its disk or file is read-only'],
  11: ['ERR_DATABASE_CORRUPT', 'the database is damaged; start from a backup (sealane-relay restore)'],
  13: ['ERR_DATABASE_FULL', 'the disk of the database is full'],
  26: ['ERR_DATABASE_CORRUPT', 'the file is no database, or damaged; start from a backup (sealane-relay restore)'],
};
const names: Readonly<Record<string, number>> = {
  SQLITE_READONLY: 8,
  SQLITE_CORRUPT: 11,
  SQLITE_FULL: 13,
  SQLITE_NOTADB: 26,
};
const systemCodes: Readonly<Record<string, number>> = { EROFS: 8, EACCES: 8, EPERM: 8, ENOSPC: 13, EDQUOT: 13 };

/** What a database library or the file system threw, as an error that callers can tell apart. */
export function databaseError(error: unknown, file: string): SealaneError {
  if (isSealaneError(error)) return error;
  const text = error instanceof Error ? error.message : String(error);
  const [code, meaning] = codes[primaryCode(error)] ?? ['ERR_DATABASE', `the database cannot be used: ${text}`];
  return new SealaneError(code, `${file}: ${meaning}`, { cause: error, details: { file, reason: text } });
}

/** 0 for what is not one of SQLite's. */
function primaryCode(error: unknown): number {
  if (typeof error !== 'object' || error === null) return 0;
  const { code, rawCode, errcode } = error as { code?: unknown; rawCode?: unknown; errcode?: unknown };
  if (typeof errcode === 'number') return errcode & 0xff;
  if (typeof rawCode === 'number') return rawCode & 0xff;
  if (typeof code !== 'string') return 0;
  const name = /^SQLITE_[A-Z]+/.exec(code)?.[0] ?? '';
  return names[name] ?? systemCodes[code] ?? 0;
}

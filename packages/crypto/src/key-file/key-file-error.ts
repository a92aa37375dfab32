import { isSealaneError, SealaneError } from '@sealane/types';

/** The errno name of a failed system call, e.g. `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** A typed error for a failed file operation; typed ones pass. */
export function keyFileError(path: string, error: unknown): SealaneError {
  if (isSealaneError(error)) return error;
  switch (errnoOf(error)) {
    case 'ENOENT':
      return new SealaneError('ERR_KEY_FILE_MISSING', `${path} does not exist`, { cause: error });
    case 'EEXIST':
      return new SealaneError('ERR_KEY_FILE_EXISTS', `${path} is already there`, { cause: error });
    default:
      return new SealaneError('ERR_KEY_FILE_IO', `${path} cannot be read or written: ${describe(error)}`, {
        cause: error,
      });
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

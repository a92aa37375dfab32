import { isSealaneError, SealaneError } from '@sealane/types';

/** What was caught, as an error that a caller can be told: ERR_INTERNAL for what nobody throws on purpose. */
export function asSealaneError(cause: unknown): SealaneError {
  return isSealaneError(cause) ? cause : new SealaneError('ERR_INTERNAL', undefined, { cause });
}

import { AbortCode, isSealaneError, SealaneError } from '@sealane/types';

/** What the peer is told of a failure while records were read or sealed, and what this side reports. */
export function brokenBy(cause: unknown): { readonly code: AbortCode; readonly error: SealaneError } {
  if (!isSealaneError(cause)) {
    return { code: AbortCode.INTERNAL, error: new SealaneError('ERR_INTERNAL', undefined, { cause }) };
  }
  switch (cause.code) {
    case 'ERR_E2EE_INTEGRITY':
      return { code: AbortCode.INTEGRITY, error: cause };
    case 'ERR_E2EE_PEER_STALLED':
      return { code: AbortCode.PEER_STALLED, error: cause };
    case 'ERR_E2EE_PROTOCOL':
      return { code: AbortCode.PROTOCOL, error: cause };
    default:
      return { code: AbortCode.PROTOCOL, error: new SealaneError('ERR_E2EE_PROTOCOL', cause.message, { cause }) };
  }
}

import { AbortCode, abortError, isSealaneError, SealaneError } from '@sealane/types';

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

/** What a peer's RESUME says of the end of its side: without a reason of its own, what was under way is cut. */
export function endedMeanwhile(status: number): SealaneError {
  if (status !== AbortCode.SHUTDOWN) return abortError(status);
  return new SealaneError('ERR_E2EE_TRUNCATED', 'the peer ended it meanwhile', { retryable: true });
}

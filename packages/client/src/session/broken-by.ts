import { AbortCode, abortError, SealaneError } from '@sealane/types';
import { asSealaneError } from '../as-sealane-error.js';

/** What a peer is told of an error that ended a session; of any other only that it is over. */
export const abortCodes: Readonly<Record<string, AbortCode>> = {
  ERR_E2EE_DENIED: AbortCode.DENIED,
  ERR_E2EE_INTEGRITY: AbortCode.INTEGRITY,
  ERR_E2EE_PROTOCOL: AbortCode.PROTOCOL,
  ERR_E2EE_PEER_STALLED: AbortCode.PEER_STALLED,
  ERR_INTERNAL: AbortCode.INTERNAL,
};

/** What the peer is told of a failure while records were read or sealed, and what this side reports. */
export function brokenBy(cause: unknown): { readonly code: AbortCode; readonly error: SealaneError } {
  const error = asSealaneError(cause);
  const code = abortCodes[error.code];
  if (code !== undefined) return { code, error };
  return { code: AbortCode.PROTOCOL, error: new SealaneError('ERR_E2EE_PROTOCOL', error.message, { cause }) };
}

/** What a peer's RESUME says of the end of its side: without a reason of its own, what was under way is cut. */
export function endedMeanwhile(status: number): SealaneError {
  if (status !== AbortCode.SHUTDOWN) return abortError(status);
  return new SealaneError('ERR_E2EE_TRUNCATED', 'the peer ended it meanwhile', { retryable: true });
}

/** What is left in a session that ends in good order; mostly nothing is, and an error costs as much as a hash. */
export function sessionClosed(): SealaneError {
  return new SealaneError('ERR_E2EE_CLOSED');
}

export function closedByPeer(): SealaneError {
  return new SealaneError('ERR_E2EE_CLOSED', 'the peer closed the session');
}

import { type ErrorCode, isSealaneError } from '@sealane/types';

/** Passing troubles: the relay or the owner is away, or the session was lost under us. */
const passing = new Set<ErrorCode>([
  'ERR_LINK_FAILED',
  'ERR_LINK_LOST',
  'ERR_LINK_DEAD',
  'ERR_LINK_TIMEOUT',
  'ERR_MUX_CLOSED',
  'ERR_RELAY_BUSY',
  'ERR_RELAY_NO_OWNER',
  'ERR_RELAY_LIMIT',
  'ERR_RELAY_TIMEOUT',
  'ERR_RELAY_DRAINING',
  'ERR_RELAY_INTERNAL',
  'ERR_RELAY_NO_LEASE',
  'ERR_RELAY_NO_SESSION',
  'ERR_E2EE_BUSY',
  'ERR_E2EE_TIMEOUT',
  'ERR_E2EE_CLOSED',
  'ERR_E2EE_TRUNCATED',
  'ERR_E2EE_PEER_STALLED',
  'ERR_E2EE_ABORTED',
  'ERR_STREAM_BUSY',
  'ERR_STREAM_REFUSED',
]);

/** What a damaged wire can cause, but a lasting reason as well: worth a few attempts. */
const doubtful = new Set<ErrorCode>([
  'ERR_E2EE_DAMAGED',
  'ERR_E2EE_HANDSHAKE',
  'ERR_E2EE_INTEGRITY',
  'ERR_E2EE_EPOCH',
  'ERR_LINK_PROTOCOL',
  'ERR_PROTOCOL_FRAME',
  'ERR_PROTOCOL_MESSAGE',
  'ERR_RELAY_AUTH',
  'ERR_RELAY_MALFORMED',
  'ERR_RELAY_KEYCERT',
  'ERR_STREAM_RESET',
]);
export const doubtfulAttempts = 3;

export type FailureKind = 'passing' | 'doubtful' | 'final';

/** Whether another attempt can help without the user doing something. */
export function classifyFailure(error: unknown): FailureKind {
  if (!isSealaneError(error)) return 'final';
  if (passing.has(error.code)) return 'passing';
  if (doubtful.has(error.code)) return 'doubtful';
  return error.retryable ? 'passing' : 'final';
}

import { type ErrorCode, SealaneError, type SealaneErrorOptions } from './error.js';
import { RELAY, relayNames } from './error-texts.js';
import { AbortCode, OwnerCode, RelayCode, ResetCode } from './wire.js';

const retryableRelayCodes = new Set<number>([
  RelayCode.BUSY,
  RelayCode.NO_OWNER,
  RelayCode.LIMIT,
  RelayCode.TIMEOUT,
  RelayCode.DRAINING,
  RelayCode.INTERNAL,
  RelayCode.NO_LEASE,
]);

/** The error for a relay's refusal. Numbers that this version does not know become ERR_RELAY_UNKNOWN. */
export function relayError(code: number, message?: string, options: SealaneErrorOptions = {}): SealaneError {
  const name = relayNames[code - 1];
  const errorCode = (name === undefined ? 'ERR_RELAY_UNKNOWN' : RELAY + name) as ErrorCode;
  return new SealaneError(errorCode, message, {
    retryable: retryableRelayCodes.has(code),
    ...options,
    details: { ...options.details, wireCode: code },
  });
}

const ownerErrors: Readonly<Record<number, ErrorCode>> = {
  [OwnerCode.DENIED]: 'ERR_E2EE_DENIED',
  [OwnerCode.NO_ALPN]: 'ERR_E2EE_NO_ALPN',
  [OwnerCode.NO_TARGET]: 'ERR_E2EE_NO_TARGET',
  [OwnerCode.DOWNGRADE]: 'ERR_E2EE_DOWNGRADE',
  [OwnerCode.BUSY]: 'ERR_E2EE_BUSY',
};

/** The error for an owner's sealed refusal in message 2. */
export function ownerError(code: number, message?: string): SealaneError {
  return new SealaneError(ownerErrors[code] ?? 'ERR_E2EE_HANDSHAKE', message, {
    retryable: code === OwnerCode.BUSY,
    details: { wireCode: code },
  });
}

const abortErrors: Readonly<Record<number, ErrorCode>> = {
  [AbortCode.PROTOCOL]: 'ERR_E2EE_PROTOCOL',
  [AbortCode.DENIED]: 'ERR_E2EE_DENIED',
  [AbortCode.INTEGRITY]: 'ERR_E2EE_INTEGRITY',
  [AbortCode.PEER_STALLED]: 'ERR_E2EE_PEER_STALLED',
};

/** The error for a peer's ABORT. */
export function abortError(code: number): SealaneError {
  return new SealaneError(abortErrors[code] ?? 'ERR_E2EE_ABORTED', undefined, { details: { wireCode: code } });
}

const resetErrors: Readonly<Record<number, ErrorCode>> = {
  [ResetCode.CANCELLED]: 'ERR_STREAM_CANCELLED',
  [ResetCode.REFUSED]: 'ERR_STREAM_REFUSED',
  [ResetCode.UNREACHABLE]: 'ERR_STREAM_UNREACHABLE',
  [ResetCode.BUSY]: 'ERR_STREAM_BUSY',
  [ResetCode.DENIED]: 'ERR_STREAM_DENIED',
  [ResetCode.TRUNCATED]: 'ERR_STREAM_TRUNCATED',
};

/** The error for a RESET of a stream. */
export function resetError(code: number): SealaneError {
  return new SealaneError(resetErrors[code] ?? 'ERR_STREAM_RESET', undefined, {
    retryable: code === ResetCode.BUSY || code === ResetCode.REFUSED || code === ResetCode.UNREACHABLE,
    details: { wireCode: code },
  });
}

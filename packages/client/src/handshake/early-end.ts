import { isSealaneError, RelayCode, ResetCode, relayError, SealaneError } from '@sealane/types';

/** What a RESET of the relayed stream says before message 2: nobody else than the relay, or an owner without keys. */
const relayCodes: Readonly<Record<number, RelayCode>> = {
  [ResetCode.BUSY]: RelayCode.BUSY,
  // After GOAWAY the stream was not seen.
  [ResetCode.REFUSED]: RelayCode.DRAINING,
  [ResetCode.TIMEOUT]: RelayCode.TIMEOUT,
  [ResetCode.DENIED]: RelayCode.DENIED,
};

/**
 * The error of a dial whose stream ended before the answer. ERR_STREAM_* is for streams inside a session: here it is
 * the relay's word, or a handshake that failed without one.
 */
export function endedEarly(error: SealaneError): SealaneError {
  if (!isSealaneError(error) || !error.code.startsWith('ERR_STREAM_')) return error;
  const code = Number(error.details['wireCode']);
  const relayCode = relayCodes[code];
  if (relayCode !== undefined) return relayError(relayCode, undefined, { cause: error });
  const text = 'the stream was reset before the answer';
  if (code === ResetCode.GONE) return new SealaneError('ERR_E2EE_TRUNCATED', text, { cause: error, retryable: true });
  return new SealaneError('ERR_E2EE_HANDSHAKE', text, { cause: error });
}

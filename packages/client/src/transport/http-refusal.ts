import type { IncomingMessage } from 'node:http';
import { RelayCode, relayError, type SealaneError } from '@sealane/types';

/** Names of refusals by a relay that has not spoken with the client yet, and what they are called after that. */
const codes: Readonly<Record<string, RelayCode>> = {
  BANNED: RelayCode.DENIED,
  SOCKETS: RelayCode.BUSY,
  SOCKETS_PER_ADDRESS: RelayCode.LIMIT,
  NEW_SOCKETS_PER_ADDRESS: RelayCode.BUSY,
};
const MAX_TEXT_LENGTH = 600;

/**
 * The error for an answer with which a relay refuses a connection before its WebSocket: its header `Sealane-Refusal`
 * holds the code and a text, `Retry-After` the seconds (in `details.value`, as milliseconds). Undefined for any other answer.
 */
export function httpRefusal(answer: IncomingMessage | undefined): SealaneError | undefined {
  const header = answer?.headers['sealane-refusal'];
  if (typeof header !== 'string') return undefined;
  const [name = '', text = ''] = header.split(' ', 2);
  const code = codes[name];
  if (code === undefined) return undefined;
  const seconds = Number(answer?.headers['retry-after']);
  const value = Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1_000 : undefined;
  return relayError(code, decoded(text), { details: { refusal: name, ...(value === undefined ? {} : { value }) } });
}

function decoded(text: string): string | undefined {
  try {
    const plain = decodeURIComponent(text.slice(0, MAX_TEXT_LENGTH * 3)).replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
    return plain === '' ? undefined : plain.slice(0, MAX_TEXT_LENGTH);
  } catch {
    return undefined;
  }
}

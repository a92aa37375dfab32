import { type LinkEnd, SealaneError } from '@sealane/types';

/** The end of a transport, told by the relay's own words where there are any. */
export function lostError(end: LinkEnd, isOpening: boolean): SealaneError {
  // The relay writes the reason, and it may be printed on a terminal.
  const reason = end.reason.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
  return new SealaneError(
    isOpening ? 'ERR_LINK_FAILED' : 'ERR_LINK_LOST',
    `the link to the relay ended: ${reason || `code ${end.code ?? 0}`}`,
    { retryable: true, details: end.code === undefined ? {} : { closeCode: end.code } },
  );
}

/** What the relay sent is its fault alone: a broken rule ends the link, and another link may be better. */
export function asLinkError(error: SealaneError): SealaneError {
  if (!error.code.startsWith('ERR_PROTOCOL_') && !error.code.startsWith('ERR_MUX_')) return error;
  return new SealaneError('ERR_LINK_PROTOCOL', `the relay broke the protocol: ${error.message}`, {
    cause: error,
    retryable: true,
  });
}

/** A message or a frame for which there is no place at this step. */
export function unasked(): SealaneError {
  return new SealaneError('ERR_LINK_PROTOCOL', 'the relay sent what nobody asked for');
}

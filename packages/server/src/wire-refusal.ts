import { RelayCode, type SealaneError } from '@sealane/types';

/** The wire code that stands for an error; what was not meant as an answer is the peer's mistake or ours. */
export function wireRefusal(error: SealaneError): { readonly code: number; readonly value: number | null } {
  const { wireCode, value } = error.details;
  const number = typeof value === 'number' ? value : null;
  if (typeof wireCode === 'number') return { code: wireCode, value: number };
  if (error.code.startsWith('ERR_PROTOCOL_') || error.code.startsWith('ERR_MUX_')) {
    return { code: RelayCode.MALFORMED, value: number };
  }
  return { code: RelayCode.INTERNAL, value: number };
}

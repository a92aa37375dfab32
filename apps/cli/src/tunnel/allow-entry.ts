import { encodeId, parseId } from '@sealane/crypto/credential';
import { SealaneError } from '@sealane/types';

/** One identity that may connect, and the lowest epoch of its keys that is taken. */
export interface AllowEntry {
  readonly id: string;
  readonly minEpoch: number;
}

/** `ID` or `ID?e=EPOCH`. Needs loaded cryptography; throws ERR_ID_INVALID or ERR_ARGUMENT. */
export function parseAllowEntry(text: string): AllowEntry {
  const [idText = '', query, ...rest] = text.split('?');
  const id = encodeId(parseId(idText));
  if (query === undefined) return { id, minEpoch: 0 };
  const digits = /^e=(\d{1,10})$/.exec(query)?.[1];
  const minEpoch = Number(digits);
  if (rest.length > 0 || digits === undefined || minEpoch > 0xffff_ffff) {
    throw new SealaneError('ERR_ARGUMENT', `"?${[query, ...rest].join('?')}" is not a minimum epoch; write ID?e=3`);
  }
  return { id, minEpoch };
}

import { ProtocolSize } from '@sealane/types';
import { concatBytes } from '../concat-bytes.js';
import { limitError } from '../protocol-error.js';
import { CanonicalReader, encodeParts, type WireValue } from './canonical-value.js';

export type { WireValue } from './canonical-value.js';

/**
 * The one value that `bytes` holds. Binary values are views of `bytes`. Nothing takes memory by a claimed length, and one
 * value has one encoding.
 *
 * Throws ERR_PROTOCOL_LIMIT above `maxBytes` or the limits of the subset, ERR_PROTOCOL_MESSAGE for all else.
 */
export function decodeStrict(bytes: Uint8Array, maxBytes: number = ProtocolSize.CONTROL): WireValue {
  if (bytes.length > maxBytes) throw limitError('a control body exceeds its limit');
  return new CanonicalReader(bytes).readOnly();
}

/**
 * The encodings of `values`, one after another, in a new array: a number below 128 is encoded as that byte.
 * ERR_PROTOCOL_MESSAGE for integers outside of the subset.
 */
export function encodeStrict(...values: readonly WireValue[]): Uint8Array {
  return concatBytes(values.flatMap(encodeParts));
}

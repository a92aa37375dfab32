import { ProtocolSize } from '@sealane/types';
import { limitError } from '../protocol-error.js';
import { assertCanonical } from './assert-canonical.js';
import { CanonicalReader, CanonicalWriter, type WireValue } from './canonical-value.js';

export type { WireValue } from './canonical-value.js';

/**
 * The one value that `bytes` holds. Binary values are views of `bytes`. Bytes are read only after a scan has accepted all
 * of them, so nothing takes memory by a claimed length, and one value has one encoding.
 *
 * Throws ERR_PROTOCOL_LIMIT above `maxBytes` or the limits of the subset, ERR_PROTOCOL_MESSAGE for all else.
 */
export function decodeStrict(bytes: Uint8Array, maxBytes: number = ProtocolSize.CONTROL): WireValue {
  if (bytes.length > maxBytes) throw limitError('a control body exceeds its limit');
  assertCanonical(bytes);
  return new CanonicalReader(bytes).read();
}

/** The encoding of `value` in a new array. ERR_PROTOCOL_MESSAGE for integers outside of the subset. */
export function encodeStrict(value: WireValue): Uint8Array {
  const writer = new CanonicalWriter();
  writer.write(value);
  return writer.finish();
}

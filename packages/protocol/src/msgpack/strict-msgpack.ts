import { Decoder, Encoder } from '@msgpack/msgpack';
import { ProtocolSize } from '@sealane/types';
import { limitError, messageError } from '../protocol-error.js';
import { assertCanonical, MAX_DEPTH } from './assert-canonical.js';

/** What control bodies consist of (v1.md, "MessagePack subset"). Integers are unsigned, at most 2^53-1. */
export type WireValue = null | number | string | Uint8Array | readonly WireValue[];

const limits = { maxStrLength: ProtocolSize.CONTROL, maxBinLength: ProtocolSize.CONTROL, maxArrayLength: 64 };
const decoder = new Decoder({ ...limits, maxMapLength: 0, maxExtLength: 0 });
const encoder = new Encoder({ maxDepth: MAX_DEPTH + 1 });

/**
 * The one value that `bytes` holds. Binary values are views of `bytes`. The library that decodes sees only bytes that
 * an own scan has accepted, so nothing takes memory by a claimed length, and one value has one encoding.
 *
 * Throws ERR_PROTOCOL_LIMIT above `maxBytes` or the limits of the subset, ERR_PROTOCOL_MESSAGE for all else.
 */
export function decodeStrict(bytes: Uint8Array, maxBytes: number = ProtocolSize.CONTROL): WireValue {
  if (bytes.length > maxBytes) throw limitError('a control body exceeds its limit');
  assertCanonical(bytes);
  try {
    return decoder.decode(bytes) as WireValue;
  } catch (cause) {
    throw messageError(`a control body cannot be decoded: ${String(cause)}`);
  }
}

/** The encoding of `value` in a new array. The caller has checked that it is of the subset. */
export function encodeStrict(value: WireValue): Uint8Array {
  return encoder.encode(value);
}

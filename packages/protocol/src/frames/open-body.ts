import { frameError, limitError } from '../protocol-error.js';

/** The two parts of a DATA body with the flag OPEN, as views. */
export interface OpenBody {
  readonly open: Uint8Array;
  /** Only these bytes are charged to credit; may be empty. */
  readonly data: Uint8Array;
}

/** Bytes before the OPEN body. */
export const OPEN_LENGTH_BYTES = 2;

/**
 * Splits `length u16 | OPEN body | data` of a DATA frame with the flag OPEN, without copying.
 * ERR_PROTOCOL_FRAME when it is cut short, ERR_PROTOCOL_LIMIT when the OPEN body is longer than `maxOpenBytes`.
 */
export function splitOpenBody(body: Uint8Array, maxOpenBytes: number): OpenBody {
  if (body.length < OPEN_LENGTH_BYTES) throw frameError('an OPEN has no length');
  const length = (body[0]! << 8) | body[1]!;
  if (length > maxOpenBytes) throw limitError('an OPEN body exceeds its limit');
  if (OPEN_LENGTH_BYTES + length > body.length) throw frameError('an OPEN body is cut short');
  return {
    open: body.subarray(OPEN_LENGTH_BYTES, OPEN_LENGTH_BYTES + length),
    data: body.subarray(OPEN_LENGTH_BYTES + length),
  };
}

/** A new array `length u16 | open | data`; both are copied. */
export function encodeOpenBody(open: Uint8Array, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  if (open.length > 0xffff) throw limitError('an OPEN body exceeds its limit');
  const body = new Uint8Array(OPEN_LENGTH_BYTES + open.length + data.length);
  body[0] = open.length >>> 8;
  body[1] = open.length;
  body.set(open, OPEN_LENGTH_BYTES);
  body.set(data, OPEN_LENGTH_BYTES + open.length);
  return body;
}

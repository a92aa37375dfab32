import { isIntegerWithin } from '@sealane/types';
import { concatBytes } from '../concat-bytes.js';
import { frameError } from '../protocol-error.js';
import { decodeUtf8, encodeUtf8 } from '../text.js';
import { readUint32, writeUint32 } from './frame-bodies.js';

/** What GOAWAY says (v1.md, "GOAWAY"). */
export interface GoAway {
  /** Highest stream number of the receiver that will still be served; later ones get RESET(REFUSED) unseen. */
  readonly lastStream: number;
  /** A GoAwayCode; unknown numbers are allowed. */
  readonly code: number;
  /** When to come back, in milliseconds; 0 leaves it to the receiver. */
  readonly retryAfterMs: number;
  /** Where to come back, at most 255 bytes; empty for the same place. A hint that the receiver must check. */
  readonly url: string;
}

const fixedBytes = 11;

/** Body of GOAWAY: `last stream u32 | code u16 | retry after u32 | u8 length | url`. ERR_PROTOCOL_FRAME. */
export function encodeGoAway(goAway: GoAway): Uint8Array {
  const url = encodeUtf8(goAway.url);
  if (url.length > 255) throw frameError('the URL of GOAWAY is longer than 255 bytes');
  const { lastStream, code, retryAfterMs } = goAway;
  const isUint32 = (value: number): boolean => isIntegerWithin(value, 0, 0xffff_ffff);
  if (!isUint32(lastStream) || !isIntegerWithin(code, 0, 0xffff) || !isUint32(retryAfterMs)) {
    throw frameError('a number of GOAWAY is out of range');
  }
  const body = new Uint8Array(fixedBytes);
  writeUint32(body, 0, lastStream);
  body[4] = code >>> 8;
  body[5] = code;
  writeUint32(body, 6, retryAfterMs);
  body[10] = url.length;
  return concatBytes([body, url]);
}

/** The content of a GOAWAY body. ERR_PROTOCOL_FRAME when it is anything else. */
export function parseGoAway(body: Uint8Array): GoAway {
  if (body.length < fixedBytes || body.length !== fixedBytes + body[10]!) throw frameError('GOAWAY has a wrong length');
  const url = decodeUtf8(body.subarray(fixedBytes));
  if (url === undefined) throw frameError('the URL of GOAWAY is not text');
  return {
    lastStream: readUint32(body, 0),
    code: (body[4]! << 8) | body[5]!,
    retryAfterMs: readUint32(body, 6),
    url,
  };
}

import { MuxLimit } from '@sealane/types';
import { HEADROOM_BYTES } from './stream-handler.js';

/** How many times its charge a held body may pin of the memory it lies in. */
const maxPinFactor = 4;

/** The body itself, or a copy (with headroom) where holding it would keep much larger memory alive than is charged. */
export function ownBody(body: Uint8Array): Uint8Array {
  const charge = body.length + MuxLimit.heldFrameOverheadBytes;
  if (body.buffer.byteLength <= charge * maxPinFactor) return body;
  const own = new Uint8Array(HEADROOM_BYTES + body.length);
  own.set(body, HEADROOM_BYTES);
  return own.subarray(HEADROOM_BYTES);
}

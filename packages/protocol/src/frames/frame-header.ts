import { FRAME_HEADER_BYTES, isIntegerWithin, ProtocolSize } from '@sealane/types';
import { frameError } from '../protocol-error.js';

const maxBodyBytes = 0xff_ffff;

/**
 * Writes the nine bytes `type u8 | flags u8 | stream u32 | length u24` at `offset` (v1.md, "Frames").
 * The caller has reserved the room; ERR_PROTOCOL_FRAME when the room or a number does not fit.
 */
export function writeFrameHeader(
  target: Uint8Array,
  offset: number,
  type: number,
  flags: number,
  streamId: number,
  bodyLength: number,
): void {
  if (offset < 0 || offset + FRAME_HEADER_BYTES > target.length) throw frameError('no room for a frame header');
  if (!fits(type, 0xff) || !fits(flags, 0xff) || !fits(streamId, 0xffff_ffff) || !fits(bodyLength, maxBodyBytes)) {
    throw frameError('a number does not fit its field of the frame header');
  }
  target[offset] = type;
  target[offset + 1] = flags;
  target[offset + 2] = streamId >>> 24;
  target[offset + 3] = streamId >>> 16;
  target[offset + 4] = streamId >>> 8;
  target[offset + 5] = streamId;
  target[offset + 6] = bodyLength >>> 16;
  target[offset + 7] = bodyLength >>> 8;
  target[offset + 8] = bodyLength;
}

/**
 * One whole frame in a new array; `body` is copied. For tests and single control frames: a data path writes
 * headers with {@link writeFrameHeader} and leaves the bodies where they are.
 */
export function encodeFrame(type: number, flags: number, streamId: number, body: Uint8Array): Uint8Array {
  if (body.length > ProtocolSize.MESSAGE) throw frameError('a frame body exceeds the largest message');
  const frame = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  writeFrameHeader(frame, 0, type, flags, streamId, body.length);
  frame.set(body, FRAME_HEADER_BYTES);
  return frame;
}

function fits(value: number, max: number): boolean {
  return isIntegerWithin(value, 0, max);
}

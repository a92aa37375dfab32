import { SealaneError } from '@sealane/types';
import { ByteReader, ByteWriter } from '../bytes.js';

/** Body of FRAMES and CONFIRM: `ack u64 | mux frames`. */
export interface FramesBody {
  /** Number of the next record that the sender expects: all before it were opened by it. */
  readonly ack: number;
  /** Whole mux frames, a view; may be empty. */
  readonly frames: Uint8Array;
}

/** The first eight bytes of a FRAMES or CONFIRM body; the frames follow. */
export function encodeFramesPrefix(ack: number): Uint8Array {
  const writer = new ByteWriter(8);
  writer.u64(ack);
  return writer.bytes;
}

/** Throws ERR_E2EE_PROTOCOL for a body that is too short or an ack beyond 2^53 - 1. */
export function parseFrames(body: Uint8Array): FramesBody {
  const reader = new ByteReader(body, 'ERR_E2EE_PROTOCOL');
  const ack = reader.u64();
  return { ack, frames: reader.bytes(reader.remaining) };
}

/** The body of ABORT: a u16 of AbortCode. */
export function encodeAbort(code: number): Uint8Array {
  const writer = new ByteWriter(2);
  writer.u16(code);
  return writer.bytes;
}

/** Throws ERR_E2EE_PROTOCOL unless the body is exactly one u16. */
export function parseAbort(body: Uint8Array): number {
  if (body.length !== 2) throw new SealaneError('ERR_E2EE_PROTOCOL', 'an ABORT of the wrong size');
  return new ByteReader(body, 'ERR_E2EE_PROTOCOL').u16();
}

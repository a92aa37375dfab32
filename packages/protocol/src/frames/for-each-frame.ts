import { FRAME_HEADER_BYTES, FrameFlag, FrameType } from '@sealane/types';
import { frameError, limitError } from '../protocol-error.js';

/** One received frame. `body` is a view of the message; the object itself is reused after `visit` returned. */
export interface Frame {
  type: number;
  flags: number;
  streamId: number;
  body: Uint8Array;
}

/** What a layer accepts; the two layers differ only in these numbers (v1.md, "Frames"). */
export interface FrameLimits {
  /** Largest number of data bytes in one DATA frame. */
  readonly maxDataBytes: number;
  /** Largest OPEN body in a DATA frame with the flag OPEN. */
  readonly maxOpenBytes: number;
  /** Largest body of MESSAGE; 0 where MESSAGE is not allowed, as inside a session. */
  readonly maxMessageBytes: number;
}

const firstIgnoredType = 64;
const knownDataFlags = FrameFlag.OPEN | FrameFlag.FIN;
const goAwayMinBytes = 11;
const goAwayMaxBytes = goAwayMinBytes + 255;

/**
 * Calls `visit` for each frame of one whole message, in order, without copying a body. The message may come in several
 * parts: then a DATA body that lies across them is visited piece by piece, as if the peer had sent a frame for each, FIN
 * on the last; every other body is joined.
 *
 * Every frame is checked before it is visited: it lies whole inside the message, its type is known, its flags and
 * stream number are allowed for the type, its body has a length the type can have. Frames of unknown types from 64 on
 * are skipped and counted in the result. Frames before a wrong one have been visited already.
 *
 * Throws ERR_PROTOCOL_FRAME, or ERR_PROTOCOL_LIMIT for a body above `limits`; both break the link.
 */
export function forEachFrame(
  message: Uint8Array | readonly Uint8Array[],
  limits: FrameLimits,
  visit: (frame: Frame) => void,
): number {
  const input = new MessageParts(message);
  if (input.left === 0) throw frameError('a message holds no frame');
  const frame: Frame = { type: 0, flags: 0, streamId: 0, body: input.part };
  let ignored = 0;
  while (input.left > 0) {
    if (input.left < FRAME_HEADER_BYTES) throw frameError('a frame header is cut short');
    const header = input.takeWhole(FRAME_HEADER_BYTES);
    const flags = header[1]!;
    let missing = (header[6]! << 16) | (header[7]! << 8) | header[8]!;
    if (missing > input.left) throw frameError('a frame is longer than its message');
    frame.type = header[0]!;
    frame.streamId = ((header[2]! << 24) | (header[3]! << 16) | (header[4]! << 8) | header[5]!) >>> 0;
    if (frame.type >= firstIgnoredType) {
      input.takeWhole(missing);
      ignored += 1;
      continue;
    }
    assertFrame(frame.type, flags, frame.streamId, missing, limits);
    const mayBeCut = frame.type === FrameType.DATA && (flags & FrameFlag.OPEN) === 0;
    do {
      frame.body = mayBeCut ? input.take(missing) : input.takeWhole(missing);
      missing -= frame.body.length;
      frame.flags = missing > 0 ? 0 : flags;
      visit(frame);
    } while (missing > 0);
  }
  return ignored;
}

/** The bytes of one message, as they are taken. A class, since closures would be made and compiled for each message. */
class MessageParts {
  part: Uint8Array;
  left = 0;
  readonly #parts: readonly Uint8Array[];
  #index = 0;
  /** Of the next byte in `part`, or its end. */
  #offset = 0;

  constructor(message: Uint8Array | readonly Uint8Array[]) {
    this.#parts = message instanceof Uint8Array ? [message] : message;
    this.part = this.#parts[0]!;
    for (const { length } of this.#parts) this.left += length;
  }

  /** The next bytes, as far as one part holds them. */
  take(length: number): Uint8Array {
    while (this.#offset === this.part.length && length > 0) {
      this.#index += 1;
      this.part = this.#parts[this.#index]!;
      this.#offset = 0;
    }
    const piece = this.part.subarray(this.#offset, this.#offset + length);
    this.#offset += piece.length;
    this.left -= piece.length;
    return piece;
  }

  takeWhole(length: number): Uint8Array {
    const first = this.take(length);
    if (first.length === length) return first;
    const joined = new Uint8Array(length);
    joined.set(first);
    for (let at = first.length; at < length; ) {
      const piece = this.take(length - at);
      joined.set(piece, at);
      at += piece.length;
    }
    return joined;
  }
}

function assertFrame(type: number, flags: number, streamId: number, length: number, limits: FrameLimits): void {
  if (type === FrameType.DATA) {
    assertData(flags, streamId, length, limits);
    return;
  }
  if (flags !== 0) throw frameError('a reserved flag is set');
  switch (type) {
    case FrameType.CREDIT:
      assertFixed(streamId !== 0, length === 4);
      return;
    case FrameType.RESET:
      assertFixed(streamId !== 0, length === 2);
      return;
    case FrameType.PING:
    case FrameType.PONG:
      assertFixed(streamId === 0, length === 8);
      return;
    case FrameType.GOAWAY:
      assertFixed(streamId === 0, length >= goAwayMinBytes && length <= goAwayMaxBytes);
      return;
    case FrameType.MESSAGE:
      if (limits.maxMessageBytes === 0) throw frameError('control messages are not allowed here');
      if (length === 0) throw frameError('a control message has no kind');
      if (length > limits.maxMessageBytes) throw limitError('a control message exceeds its limit');
      return;
    default:
      throw frameError('the frame type is unknown');
  }
}

function assertData(flags: number, streamId: number, length: number, limits: FrameLimits): void {
  if ((flags & ~knownDataFlags) !== 0) throw frameError('a reserved flag is set');
  if (streamId === 0) throw frameError('data on stream 0');
  if ((flags & FrameFlag.OPEN) !== 0) {
    if (length < 2) throw frameError('an OPEN has no length');
    if (length > 2 + limits.maxOpenBytes + limits.maxDataBytes) throw limitError('an OPEN exceeds its limit');
    return;
  }
  if (length === 0 && (flags & FrameFlag.FIN) === 0) throw frameError('data of length 0 without FIN');
  if (length > limits.maxDataBytes) throw limitError('a data frame exceeds its limit');
}

function assertFixed(streamAllowed: boolean, lengthAllowed: boolean): void {
  if (!streamAllowed) throw frameError('the frame type does not go with this stream number');
  if (!lengthAllowed) throw frameError('the body has not the length of its type');
}

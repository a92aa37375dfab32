/** Opcodes of RFC 6455 section 5.2 that exist here; text does not. */
export const WebSocketOpcode = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;
export type WebSocketOpcode = (typeof WebSocketOpcode)[keyof typeof WebSocketOpcode];

/** Two bytes, the longest length, and a mask. */
export const WEBSOCKET_HEADER_MAX_BYTES = 14;
/** Largest payload of CLOSE, PING and PONG (RFC 6455 section 5.5). */
export const WEBSOCKET_CONTROL_BYTES = 125;
export const WEBSOCKET_MASK_BYTES = 4;

const finBit = 0x80;
const maskBit = 0x80;

/**
 * Writes the header of one unfragmented frame (RFC 6455 section 5.2) and returns its length. `mask` has four bytes: what
 * a client must send, and a server must not.
 */
export function writeWebSocketHeader(
  target: Uint8Array,
  opcode: WebSocketOpcode,
  payloadBytes: number,
  mask?: Uint8Array,
): number {
  target[0] = finBit | opcode;
  let end: number;
  if (payloadBytes < 126) {
    target[1] = payloadBytes;
    end = 2;
  } else if (payloadBytes < 65_536) {
    target[1] = 126;
    target[2] = payloadBytes >>> 8;
    target[3] = payloadBytes;
    end = 4;
  } else {
    target[1] = 127;
    target.fill(0, 2, 6);
    target[6] = payloadBytes >>> 24;
    target[7] = payloadBytes >>> 16;
    target[8] = payloadBytes >>> 8;
    target[9] = payloadBytes;
    end = 10;
  }
  if (mask === undefined) return end;
  target[1]! |= maskBit;
  target.set(mask, end);
  return end + WEBSOCKET_MASK_BYTES;
}

/** Masks or unmasks in place; `phase` says how many bytes of the payload came before (RFC 6455 section 5.3). */
export function applyWebSocketMask(bytes: Uint8Array, mask: Uint8Array, phase: number): void {
  const { length } = bytes;
  let at = 0;
  // Word by word as soon as the memory is aligned to words.
  while (at < length && ((bytes.byteOffset + at) & 3) !== 0) {
    bytes[at]! ^= mask[(phase + at) & 3]!;
    at += 1;
  }
  const words = (length - at) >>> 2;
  if (words > 0) {
    const turned = Uint8Array.of(0, 0, 0, 0);
    for (let index = 0; index < 4; index += 1) turned[index] = mask[(phase + at + index) & 3]!;
    const word = new Uint32Array(turned.buffer)[0]!;
    const view = new Uint32Array(bytes.buffer, bytes.byteOffset + at, words);
    for (let index = 0; index < words; index += 1) view[index]! ^= word;
    at += words * 4;
  }
  for (; at < length; at += 1) bytes[at]! ^= mask[(phase + at) & 3]!;
}

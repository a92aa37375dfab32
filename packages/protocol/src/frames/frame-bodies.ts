import { isIntegerWithin, MuxLimit } from '@sealane/types';
import { frameError } from '../protocol-error.js';

/** Largest credit delta, and the most that may be outstanding (v1.md, "Flow control"). */
const maxCredit = MuxLimit.maxCredit;

/** Body of CREDIT: `delta u32`, 1 to 2^31-1. ERR_PROTOCOL_FRAME otherwise. */
export function encodeCredit(delta: number): Uint8Array {
  if (!isIntegerWithin(delta, 1, maxCredit)) throw frameError('the credit is out of range');
  const body = new Uint8Array(4);
  writeUint32(body, 0, delta);
  return body;
}

/** The delta of a CREDIT body. ERR_PROTOCOL_FRAME for a wrong length, 0 or more than 2^31-1. */
export function parseCredit(body: Uint8Array): number {
  if (body.length !== 4) throw frameError('CREDIT has 4 bytes');
  const delta = readUint32(body, 0);
  if (delta < 1 || delta > maxCredit) throw frameError('the credit is out of range');
  return delta;
}

/** Body of RESET: `code u16`. */
export function encodeReset(code: number): Uint8Array {
  if (!isIntegerWithin(code, 0, 0xffff)) throw frameError('the reset code is out of range');
  return Uint8Array.of(code >>> 8, code);
}

/** The code of a RESET body; numbers that nobody knows are allowed. ERR_PROTOCOL_FRAME for a wrong length. */
export function parseReset(body: Uint8Array): number {
  if (body.length !== 2) throw frameError('RESET has 2 bytes');
  return (body[0]! << 8) | body[1]!;
}

/** The eight opaque bytes of a PING or PONG body, as a view. ERR_PROTOCOL_FRAME for another length. */
export function parsePing(body: Uint8Array): Uint8Array {
  if (body.length !== 8) throw frameError('PING and PONG have 8 bytes');
  return body;
}

/** A new body of PING from eight opaque bytes, which are copied. The PONG carries the same bytes. */
export function encodePing(opaque: Uint8Array): Uint8Array {
  return parsePing(opaque).slice();
}

export function writeUint32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
}

export function readUint32(source: Uint8Array, offset: number): number {
  return (
    ((source[offset]! << 24) | (source[offset + 1]! << 16) | (source[offset + 2]! << 8) | source[offset + 3]!) >>> 0
  );
}

import { encodeWebSocketFrame } from '@sealane/testkit';
import { describe, expect, it } from 'vitest';
import { MessageProgress } from './message-progress.js';

const mask = new Uint8Array([1, 2, 3, 4]);
const frame = (length: number, { fin = true, opcode = 2 } = {}): Uint8Array =>
  encodeWebSocketFrame({ fin, opcode, mask, payload: new Uint8Array(length) });

function after(...chunks: Uint8Array[]): [number, number] {
  const progress = new MessageProgress();
  for (const chunk of chunks) progress.push(chunk);
  return [progress.heldBytes, progress.reads];
}

describe('the progress of a message', () => {
  it('holds nothing between messages of any length', () => {
    for (const length of [0, 1, 125, 126, 65_535, 65_536, 200_000]) expect(after(frame(length))).toEqual([0, 0]);
    expect(after(frame(5), frame(300), frame(9, { opcode: 9 }))).toEqual([0, 0]);
  });

  it('counts the bytes and reads of one that comes in pieces, until it is whole', () => {
    const bytes = frame(300);
    const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(after(...pieces.slice(0, -1))).toEqual([bytes.length - 1, bytes.length - 1]);
    expect(after(...pieces)).toEqual([0, 0]);
  });

  it('counts the whole read that the beginning of a message keeps alive', () => {
    const chunk = new Uint8Array(Buffer.concat([frame(60_000), frame(10).subarray(0, 1)]));
    expect(after(chunk)).toEqual([chunk.length, 1]);
  });

  it('goes on counting over fragments and the control frames between them', () => {
    const first = frame(100, { fin: false });
    const ping = frame(2, { opcode: 9 });
    const last = frame(100, { opcode: 0 });
    expect(after(first, ping)).toEqual([first.length + ping.length, 2]);
    expect(after(first, ping, last)).toEqual([0, 0]);
  });
});

import { expect, it } from 'vitest';
import { encodeHandshakeMessage, HandshakeReader } from './handshake-message.js';

const message = Uint8Array.from({ length: 301 }, (_, index) => index);

it('a message that comes two bytes at a time is whole at the end, and the rest is handed over', () => {
  const stream = Uint8Array.of(...encodeHandshakeMessage(message), 0xaa, 0xbb);
  const reader = new HandshakeReader();
  for (let at = 0; at < 302; at += 2) expect(reader.push(stream.subarray(at, at + 2))).toBeUndefined();
  expect(reader.bufferedBytes).toBe(302);
  const read = reader.push(stream.subarray(302));
  expect(read?.message).toEqual(message);
  expect(read?.rest).toEqual(Uint8Array.of(0xaa, 0xbb));
  expect(reader.bufferedBytes).toBe(0);
});

it('a message that comes whole is a view of its chunk', () => {
  const chunk = Uint8Array.of(...encodeHandshakeMessage(message), 1);
  const read = new HandshakeReader().push(chunk);
  expect(read?.message.buffer).toBe(chunk.buffer);
  expect(read?.rest).toEqual(Uint8Array.of(1));
});

it('holds no more than the message needs when a large chunk follows a small one', () => {
  const reader = new HandshakeReader();
  reader.push(Uint8Array.of(0x00, 0x10));
  const read = reader.push(new Uint8Array(100_000));
  expect(read?.message).toHaveLength(4_096);
  expect(read?.message.buffer.byteLength).toBeLessThanOrEqual(4_099);
  expect(read?.rest).toHaveLength(100_000 - 4_097);
});

it('a length above 4,096 is refused as soon as it is whole', () => {
  const reader = new HandshakeReader();
  reader.push(Uint8Array.of(0x00, 0x10));
  expect(() => reader.push(Uint8Array.of(0x01))).toThrow(expect.objectContaining({ code: 'ERR_PROTOCOL_LIMIT' }));
  expect(() => encodeHandshakeMessage(new Uint8Array(4_097))).toThrow(
    expect.objectContaining({ code: 'ERR_PROTOCOL_LIMIT' }),
  );
});

it('a second message is refused', () => {
  const reader = new HandshakeReader();
  reader.push(encodeHandshakeMessage(message));
  expect(() => reader.push(Uint8Array.of(0))).toThrow(expect.objectContaining({ code: 'ERR_PROTOCOL_MESSAGE' }));
});

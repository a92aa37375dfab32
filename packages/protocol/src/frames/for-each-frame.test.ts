import { expect, it } from 'vitest';
import { type FrameLimits, forEachFrame } from './for-each-frame.js';
import { encodeFrame, writeFrameHeader } from './frame-header.js';
import { encodeOpenBody, splitOpenBody } from './open-body.js';

const inner: FrameLimits = { maxDataBytes: 100, maxOpenBytes: 10, maxMessageBytes: 0 };
const none = new Uint8Array(0);

function visit(message: Uint8Array, limits: FrameLimits = inner): { types: number[]; ignored: number } {
  const types: number[] = [];
  const ignored = forEachFrame(message, limits, (frame) => types.push(frame.type));
  return { types, ignored };
}

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

it('unknown types from 64 on are skipped and counted, whatever they carry', () => {
  const message = Buffer.concat([encodeFrame(64, 0xff, 0, none), encodeFrame(0, 0, 1, Uint8Array.of(1))]);
  expect(visit(message)).toEqual({ types: [0], ignored: 1 });
});

it('every type from 7 to 63 is fatal', () => {
  for (let type = 7; type < 64; type += 1) {
    expect(() => visit(encodeFrame(type, 0, 1, none))).toThrow(code('ERR_PROTOCOL_FRAME'));
  }
});

it('every flag but OPEN and FIN of DATA is fatal', () => {
  for (let flags = 4; flags < 256; flags += 1) {
    expect(() => visit(encodeFrame(0, flags, 1, Uint8Array.of(0, 0)))).toThrow(code('ERR_PROTOCOL_FRAME'));
  }
  expect(() => visit(encodeFrame(3, 1, 0, new Uint8Array(8)))).toThrow(code('ERR_PROTOCOL_FRAME'));
});

it('stream 0 belongs to PING, PONG and GOAWAY alone, MESSAGE goes with both', () => {
  for (const [type, length] of [
    [0, 1],
    [1, 4],
    [2, 2],
  ] as const) {
    expect(() => visit(encodeFrame(type, 0, 0, new Uint8Array(length)))).toThrow(code('ERR_PROTOCOL_FRAME'));
  }
  for (const [type, length] of [
    [3, 8],
    [4, 8],
    [5, 11],
  ] as const) {
    expect(() => visit(encodeFrame(type, 0, 1, new Uint8Array(length)))).toThrow(code('ERR_PROTOCOL_FRAME'));
  }
  const outer = { ...inner, maxMessageBytes: 20 };
  expect(visit(encodeFrame(6, 0, 0, Uint8Array.of(1)), outer).types).toEqual([6]);
  expect(visit(encodeFrame(6, 0, 5, Uint8Array.of(1)), outer).types).toEqual([6]);
});

it('MESSAGE is fatal where it is not allowed', () => {
  expect(() => visit(encodeFrame(6, 0, 1, Uint8Array.of(1)))).toThrow(code('ERR_PROTOCOL_FRAME'));
});

it('bodies above the limits of the layer are refused', () => {
  const limit = code('ERR_PROTOCOL_LIMIT');
  expect(visit(encodeFrame(0, 0, 1, new Uint8Array(100))).types).toEqual([0]);
  expect(() => visit(encodeFrame(0, 0, 1, new Uint8Array(101)))).toThrow(limit);
  expect(visit(encodeFrame(0, 1, 1, new Uint8Array(112))).types).toEqual([0]);
  expect(() => visit(encodeFrame(0, 1, 1, new Uint8Array(113)))).toThrow(limit);
  const outer = { ...inner, maxMessageBytes: 20 };
  expect(() => visit(encodeFrame(6, 0, 1, new Uint8Array(21)), outer)).toThrow(limit);
});

it('an OPEN may carry no data, data without OPEN or FIN may not be empty', () => {
  expect(visit(encodeFrame(0, 1, 1, encodeOpenBody(none))).types).toEqual([0]);
  expect(visit(encodeFrame(0, 2, 1, none)).types).toEqual([0]);
  expect(() => visit(encodeFrame(0, 0, 1, none))).toThrow(code('ERR_PROTOCOL_FRAME'));
  expect(() => visit(none)).toThrow(code('ERR_PROTOCOL_FRAME'));
});

it('the OPEN body and the data behind it come apart as views', () => {
  const body = encodeOpenBody(Uint8Array.of(1, 2), Uint8Array.of(3));
  const split = splitOpenBody(body, 2);
  expect([split.open, split.data]).toEqual([Uint8Array.of(1, 2), Uint8Array.of(3)]);
  expect(split.data.buffer).toBe(body.buffer);
  expect(() => splitOpenBody(body, 1)).toThrow(code('ERR_PROTOCOL_LIMIT'));
  expect(() => splitOpenBody(body.subarray(0, 3), 2)).toThrow(code('ERR_PROTOCOL_FRAME'));
});

it('a header is written where it belongs and never beside its room', () => {
  const target = new Uint8Array(12);
  writeFrameHeader(target, 2, 0xfe, 3, 0xfffefdfc, 0xabcdef);
  expect(Buffer.from(target).toString('hex')).toBe('0000fe03fffefdfcabcdef00');
  expect(() => writeFrameHeader(target, 4, 0, 0, 1, 0)).toThrow(code('ERR_PROTOCOL_FRAME'));
  expect(() => writeFrameHeader(target, 0, 0, 0, 1, 0x100_0000)).toThrow(code('ERR_PROTOCOL_FRAME'));
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyWebSocketMask, WebSocketOpcode, writeWebSocketHeader } from './websocket-header.js';
import { WebSocketReader } from './websocket-reader.js';

type Seen = readonly [what: string, ...rest: unknown[]];

interface FrameParts {
  readonly opcode: number;
  readonly payload: Uint8Array;
  readonly mask?: Uint8Array | undefined;
  readonly isFinal?: boolean;
  /** Other bits of the first byte. */
  readonly bits?: number;
}

function frame({ opcode, payload, mask, isFinal = true, bits = 0 }: FrameParts): Uint8Array {
  const header = new Uint8Array(14);
  const length = writeWebSocketHeader(header, opcode as WebSocketOpcode, payload.length, mask);
  header[0] = (isFinal ? 0x80 : 0) | bits | opcode;
  const body = payload.slice();
  if (mask !== undefined) applyWebSocketMask(body, mask, 0);
  return Uint8Array.from([...header.subarray(0, length), ...body]);
}

function read(chunks: readonly Uint8Array[], expectsMask: boolean, maxMessageBytes = 100_000) {
  const seen: Seen[] = [];
  const reader = new WebSocketReader(
    { expectsMask, maxMessageBytes, maxFragments: 4, maxReads: 50 },
    {
      onMessage: (parts, bytes) => seen.push(['message', Buffer.concat(parts).toString('hex'), bytes]),
      onPing: (payload) => seen.push(['ping', Buffer.from(payload).toString('hex')]),
      onClose: (code, reason) => seen.push(['close', code, reason]),
      onViolation: (code) => seen.push(['violation', code]),
    },
  );
  for (const chunk of chunks) reader.push(chunk.slice());
  return { seen, reader };
}

const bytesOf = (...values: number[]): Uint8Array => Uint8Array.from(values);
const { CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG } = WebSocketOpcode;

describe('WebSocketReader', () => {
  it('gives the same messages however the bytes are cut, masked or not', () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 400 }), { minLength: 1, maxLength: 5 });
    const masks = fc.option(fc.uint8Array({ minLength: 4, maxLength: 4 }), { nil: undefined });
    const sizes = fc.array(fc.integer({ min: 20, max: 300 }), { minLength: 1 });
    fc.assert(
      fc.property(payloads, masks, sizes, (messages, mask, lengths) => {
        const stream = messages.flatMap((payload) => [
          ...frame({ opcode: BINARY, payload: payload.subarray(0, 7), mask, isFinal: payload.length <= 7 }),
          ...frame({ opcode: PING, payload: payload.subarray(0, 3), mask }),
          ...(payload.length <= 7 ? [] : frame({ opcode: CONTINUATION, payload: payload.subarray(7), mask })),
        ]);
        const chunks: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const length = lengths[turn % lengths.length]!;
          chunks.push(Uint8Array.from(stream.slice(at, at + length)));
          at += length;
        }
        const { seen, reader } = read(chunks, mask !== undefined);
        const found = seen.filter(([what]) => what === 'message').map(([, hex]) => hex);
        expect(found).toEqual(messages.map((payload) => Buffer.from(payload).toString('hex')));
        expect(seen.filter(([what]) => what === 'ping').length).toBe(messages.length);
        expect([reader.heldBytes, reader.heldReads]).toEqual([0, 0]);
      }),
    );
  });

  it('reads the lengths of all three sizes', () => {
    for (const length of [0, 125, 126, 65_535, 65_536, 99_999]) {
      const payload = Uint8Array.from({ length }, (_, index) => index);
      expect(read([frame({ opcode: BINARY, payload })], false).seen).toEqual([
        ['message', Buffer.from(payload).toString('hex'), length],
      ]);
    }
  });

  it('gives out views of what was read, and counts what an unfinished message keeps alive', () => {
    const whole = frame({ opcode: BINARY, payload: new Uint8Array(10_000).fill(1) });
    const parts: Uint8Array[] = [];
    const handler = {
      onMessage: (given: Uint8Array[]) => parts.push(...given),
      onPing: () => undefined,
      onClose: () => undefined,
      onViolation: () => undefined,
    };
    const limits = { expectsMask: false, maxMessageBytes: 10_000, maxFragments: 4, maxReads: 50 };
    const reader = new WebSocketReader(limits, handler);
    const chunks = [whole.slice(0, 3), whole.slice(3, 6_000), whole.slice(6_000)];
    reader.push(chunks[0]!);
    expect([reader.heldBytes, reader.heldReads]).toEqual([3, 1]);
    reader.push(chunks[1]!);
    expect([reader.heldBytes, reader.heldReads]).toEqual([6_000, 2]);
    reader.push(chunks[2]!);
    expect([reader.heldBytes, reader.heldReads]).toEqual([0, 0]);
    expect(parts.map(({ buffer }) => buffer)).toEqual([chunks[1]!.buffer, chunks[2]!.buffer]);
  });

  it('passes a close on with its code and reason, and reads nothing after it', () => {
    const after = frame({ opcode: BINARY, payload: bytesOf(1) });
    const payload = Uint8Array.from([0x03, 0xe9, ...Buffer.from('grün')]);
    expect(read([frame({ opcode: CLOSE, payload }), after], false).seen).toEqual([['close', 1001, 'grün']]);
    expect(read([frame({ opcode: CLOSE, payload: bytesOf() }), after], false).seen).toEqual([['close', 1005, '']]);
  });

  const message = bytesOf(1, 2, 3);
  const zero = bytesOf(0, 0, 0, 0);
  const begin = frame({ opcode: BINARY, payload: message, isFinal: false });
  it.each<[string, number, readonly Uint8Array[], boolean]>([
    ['an extension bit', 1002, [frame({ opcode: BINARY, payload: message, bits: 0x40 })], false],
    ['a client without a mask', 1002, [frame({ opcode: BINARY, payload: message })], true],
    ['a server with a mask', 1002, [frame({ opcode: BINARY, payload: message, mask: zero })], false],
    ['text', 1003, [frame({ opcode: TEXT, payload: message })], false],
    ['an unknown data opcode', 1002, [frame({ opcode: 3, payload: message })], false],
    ['an unknown control opcode', 1002, [frame({ opcode: 11, payload: message })], false],
    ['a fragmented ping', 1002, [frame({ opcode: PING, payload: message, isFinal: false })], false],
    ['a ping above 125 bytes', 1002, [frame({ opcode: PING, payload: new Uint8Array(126) })], false],
    ['a continuation of nothing', 1002, [frame({ opcode: CONTINUATION, payload: message })], false],
    ['a message inside a message', 1002, [begin, begin], false],
    ['a message above the limit', 1009, [frame({ opcode: BINARY, payload: new Uint8Array(100_001) })], false],
    ['a length of 64 bits', 1009, [Uint8Array.of(0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255)], false],
    [
      'too many fragments',
      1008,
      [begin, ...[1, 2, 3, 4].map(() => frame({ opcode: CONTINUATION, payload: bytesOf(), isFinal: false }))],
      false,
    ],
    ['too many reads', 1008, [bytesOf(0x82, 100), ...Array.from({ length: 60 }, () => bytesOf(1))], false],
    ['a close of one byte', 1002, [frame({ opcode: CLOSE, payload: bytesOf(3) })], false],
    ['a close code that is never sent', 1002, [frame({ opcode: CLOSE, payload: bytesOf(0x03, 0xed) })], false],
    ['a reason that is not UTF-8', 1007, [frame({ opcode: CLOSE, payload: bytesOf(0x03, 0xe8, 0xff) })], false],
  ])('refuses %s with %i, and reads nothing after it', (_, code, chunks, expectsMask) => {
    const after = frame({ opcode: PING, payload: message, mask: expectsMask ? zero : undefined });
    const { seen, reader } = read([...chunks, after], expectsMask);
    expect(seen).toEqual([['violation', code]]);
    expect([reader.heldBytes, reader.heldReads]).toEqual([0, 0]);
  });

  it('refuses fragments that are too long together before their bytes arrive', () => {
    const rest = frame({ opcode: CONTINUATION, payload: new Uint8Array(99_998) }).subarray(0, 10);
    expect(read([begin, rest], false).seen).toEqual([['violation', 1009]]);
  });

  it('takes a pong for what it is', () => {
    expect(read([frame({ opcode: PONG, payload: message })], false).seen).toEqual([]);
  });
});

describe('applyWebSocketMask', () => {
  it('is its own inverse at every alignment and phase, and equals the definition', () => {
    const mask = bytesOf(1, 20, 130, 250);
    for (let offset = 0; offset < 5; offset += 1) {
      for (let phase = 0; phase < 4; phase += 1) {
        const memory = Uint8Array.from({ length: 40 }, (_, index) => index * 3);
        const bytes = memory.subarray(offset, 37);
        const expected = bytes.map((byte, index) => byte ^ mask[(phase + index) & 3]!);
        applyWebSocketMask(bytes, mask, phase);
        expect(bytes).toEqual(expected);
      }
    }
  });
});

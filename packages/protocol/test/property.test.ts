import { decode, encode } from '@msgpack/msgpack';
import { isSealaneError } from '@sealane/types';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ControlMessage,
  decodeLease,
  decodeMessage,
  decodeOpen,
  decodeStrict,
  encodeFrame,
  encodeLease,
  encodeMessage,
  encodeOpen,
  encodeStreamOpen,
  encodeStrict,
  type Frame,
  forEachFrame,
  parseStreamOpen,
  type WireValue,
} from '../src/index.js';
import { codecs, thrownBy, toHex } from './vector-file.js';

const bytes = (min: number, max = min): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: min, maxLength: max });
const uint = (max: number, min = 0): fc.Arbitrary<number> => fc.integer({ min, max });
const sequence = fc.maxSafeNat();
const request = uint(0xffff_ffff, 1);
const service = fc.stringMatching(/^[a-z0-9-]{0,63}$/);
const name = fc.stringMatching(/^[a-z0-9](-?[a-z0-9]){0,19}$/);
const plain = (maxBytes: number, minLength = 0): fc.Arbitrary<string> =>
  fc
    .string({ unit: 'grapheme', minLength, maxLength: maxBytes })
    .filter((text) => !/[\p{Cc}\p{Cs}]/u.test(text) && Buffer.byteLength(text) <= maxBytes);
const nullable = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null });
const kind = <const K extends number>(value: K): fc.Arbitrary<K> => fc.constant(value);

const message: fc.Arbitrary<ControlMessage> = fc.oneof(
  fc.record({ kind: kind(3), features: uint(0xffff_ffff), linkId: bytes(8), signature: bytes(64) }),
  fc.record({ kind: kind(4), request: uint(9), code: uint(0xffff), text: plain(256), value: nullable(sequence) }),
  fc.record({ kind: kind(5), request, flags: uint(0xffff_ffff), lease: bytes(1, 8_000), signature: bytes(64) }),
  fc.record({ kind: kind(6), request, service, sequence, ttlMs: uint(300_000, 1), name: nullable(name) }),
  fc.record({ kind: kind(7), request, service, sequence }),
  fc.record({ kind: kind(12), request, name, id: fc.constant(null), service: fc.constant('') }),
  fc.record({ kind: kind(13), request, id: bytes(32), service, keycert: bytes(132), instance: bytes(16) }),
  fc.record({ kind: kind(14), message2: nullable(bytes(1, 4_096)), resume: fc.constant(null) }),
  fc.record({ kind: kind(17), request, cursor: nullable(bytes(1, 128)), limit: uint(15, 1) }),
  fc.record({
    kind: kind(18),
    request,
    entries: fc.array(fc.record({ lease: bytes(1, 400), signature: bytes(64), expiresInMs: uint(0xffff_ffff, 1) }), {
      maxLength: 15,
    }),
    next: nullable(bytes(1, 128)),
  }),
  fc.record({ kind: kind(15), code: uint(0xffff), keycert: nullable(bytes(132)), text: plain(256) }),
);

const lease = fc.record({
  audience: bytes(32),
  keycert: bytes(132),
  service,
  instance: bytes(16),
  sequence,
  ttlMs: uint(0xffff_ffff, 1),
  name: nullable(name),
  alpn: nullable(fc.array(plain(64, 1), { minLength: 1, maxLength: 16 })),
  suites: fc.array(uint(255, 1), { minLength: 1, maxLength: 8 }),
  flags: uint(0xffff_ffff),
  metadata: bytes(0, 4_096),
});

const wireValue = fc.letrec<{ value: WireValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    sequence,
    fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !/\p{Cs}/u.test(text)),
    bytes(0, 300),
    fc.array(tie('value'), { maxLength: 3 }) as fc.Arbitrary<WireValue>,
  ),
})).value;

describe('codecs', () => {
  it('give back every message that they took', () => {
    fc.assert(
      fc.property(message, (value) => {
        expect(decodeMessage(encodeMessage(value))).toEqual(value);
      }),
    );
  });

  it('give back every lease that they took', () => {
    fc.assert(
      fc.property(lease, (value) => {
        expect(decodeLease(encodeLease(value))).toEqual(value);
      }),
    );
  });

  it('give back every CONNECT that they took', () => {
    const connect = fc.record({
      kind: kind(1),
      owner: bytes(32),
      service,
      connectionId: bytes(16),
      message1: nullable(bytes(1, 4_096)),
    });
    fc.assert(
      fc.property(connect, (value) => {
        expect(decodeOpen(encodeOpen(value))).toEqual(value);
      }),
    );
  });

  it('give back every OPEN of an inner stream', () => {
    const open = fc.record({ label: plain(63), metadata: bytes(0, 1_024) });
    fc.assert(
      fc.property(open, (value) => {
        expect(parseStreamOpen(encodeStreamOpen(value))).toEqual(value);
      }),
    );
  });

  it('give back every value of the MessagePack subset', () => {
    fc.assert(
      fc.property(wireValue, (value) => {
        expect(decodeStrict(encodeStrict(value))).toEqual(value);
      }),
    );
  });

  it('visit the frames of a message in order and unchanged', () => {
    const data = fc.record({ streamId: uint(0xffff_ffff, 1), body: bytes(1, 200), flags: fc.constantFrom(0, 2) });
    const limits = { maxDataBytes: 200, maxOpenBytes: 0, maxMessageBytes: 0 };
    fc.assert(
      fc.property(fc.array(data, { minLength: 1, maxLength: 20 }), (frames) => {
        const joined = Buffer.concat(frames.map((f) => encodeFrame(0, f.flags, f.streamId, f.body)));
        const seen: Frame[] = [];
        forEachFrame(new Uint8Array(joined), limits, (frame) => seen.push({ ...frame }));
        expect(seen).toEqual(frames.map((frame) => ({ type: 0, ...frame })));
      }),
    );
  });
});

describe('any input', () => {
  it.each(Object.entries(codecs))('throws only the typed error: %s', (_, codec) => {
    fc.assert(
      fc.property(fc.oneof(bytes(0, 64), bytes(0, 9_000)), (input) => {
        const error = thrownBy(() => codec.decode(input));
        if (error !== undefined) expect(isSealaneError(error) && error.code).toMatch(/^ERR_PROTOCOL_/);
      }),
    );
  });

  it('that is accepted by the strict decoder encodes to the same bytes', () => {
    const head = fc.constantFrom(0x90, 0x91, 0x93, 0xa1, 0xc0, 0xc4, 0xcc, 0xcd, 0xce, 0xcf, 0xd9, 0xda, 0xdc, 0x05);
    const soup = fc.array(fc.oneof(head, uint(255)), { minLength: 1, maxLength: 24 });
    fc.assert(
      fc.property(soup, (input) => {
        const given = Uint8Array.from(input);
        const outcome: { value?: WireValue } = {};
        const error = thrownBy(() => {
          outcome.value = decodeStrict(given);
        });
        if (outcome.value === undefined) expect(isSealaneError(error)).toBe(true);
        else expect(toHex(encodeStrict(outcome.value))).toBe(toHex(given));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('another implementation of MessagePack', () => {
  it('writes the same bytes for every value of the subset, and reads ours', () => {
    fc.assert(
      fc.property(wireValue, (value) => {
        const encoded = encodeStrict(value);
        expect(toHex(encoded)).toBe(toHex(encode(value)));
        expect(decode(encoded)).toEqual(value);
        expect(decodeStrict(encode(value))).toEqual(value);
      }),
      { numRuns: 2_000 },
    );
  });

  it('agrees at every border between two forms', () => {
    const borders = [0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER];
    const lengths = [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536];
    const values: WireValue[] = [...borders, ...lengths.map((length) => 'x'.repeat(length))];
    values.push(...lengths.map((length) => new Uint8Array(length).fill(7)));
    values.push(...lengths.map((length) => Array<null>(length).fill(null)));
    for (const value of values) expect(Buffer.compare(encodeStrict(value), encode(value))).toBe(0);
  });
});

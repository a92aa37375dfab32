import { RecordType, SessionLimit } from '@sealane/types';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { codeOf, createPair } from '../../../test/e2ee-pair.js';
import { encodeAbort, encodeFramesPrefix, parseAbort, parseFrames } from './record-body.js';
import type { RecordOpener } from './record-opener.js';
import { RecordReader } from './record-reader.js';
import type { RecordSealer } from './record-sealer.js';

const maxPlaintext = 66_048;

function createDirection(): { sealer: RecordSealer; opener: RecordOpener } {
  const { dialer, owner } = createPair();
  return { sealer: owner.createSealer(), opener: dialer.createOpener(maxPlaintext) };
}

const seal = (sealer: RecordSealer, fill: number): Uint8Array =>
  sealer.seal(RecordType.FRAMES, [encodeFramesPrefix(fill), new Uint8Array(100).fill(fill)]).subarray(3);

describe('a record on its way', () => {
  test('that is changed at any position does not open, and the right one still does', () => {
    const { sealer, opener } = createDirection();
    const record = seal(sealer, 1);
    for (let index = 0; index < record.length; index++) {
      const changed = record.slice();
      changed[index]! ^= 1 << (index & 7);
      expect(codeOf(() => opener.open(changed))).toBe('ERR_E2EE_INTEGRITY');
    }
    expect(opener.open(record).number).toBe(0);
  });

  test('that is cut, extended, repeated, dropped or swapped does not open', () => {
    const { sealer, opener } = createDirection();
    const [first, second, third] = [seal(sealer, 1), seal(sealer, 2), seal(sealer, 3)];
    expect(codeOf(() => opener.open(first.subarray(0, -1)))).toBe('ERR_E2EE_INTEGRITY');
    expect(codeOf(() => opener.open(new Uint8Array([...first, 0])))).toBe('ERR_E2EE_INTEGRITY');
    expect(codeOf(() => opener.open(second))).toBe('ERR_E2EE_INTEGRITY');
    opener.open(first);
    expect(codeOf(() => opener.open(first))).toBe('ERR_E2EE_INTEGRITY');
    expect(codeOf(() => opener.open(third))).toBe('ERR_E2EE_INTEGRITY');
    expect(opener.open(second).number).toBe(1);
    expect(opener.open(third).number).toBe(2);
  });

  test('that is sent back to its sender does not open', () => {
    const { dialer, owner } = createPair();
    const record = owner.createSealer().seal(RecordType.FRAMES, [new Uint8Array(8)]);
    expect(codeOf(() => owner.createOpener(maxPlaintext).open(record.subarray(3)))).toBe('ERR_E2EE_INTEGRITY');
    expect(dialer.createOpener(maxPlaintext).open(record.subarray(3)).type).toBe(RecordType.FRAMES);
  });
});

describe('the rules of records', () => {
  test('CONFIRM is record 0 of the dialer and no other', () => {
    const { dialer, owner } = createPair();
    const body = [new Uint8Array(8)];
    const dialerSealer = dialer.createSealer();
    expect(codeOf(() => dialerSealer.seal(RecordType.FRAMES, body))).toBe('ERR_E2EE_PROTOCOL');
    expect(codeOf(() => owner.createSealer().seal(RecordType.CONFIRM, body))).toBe('ERR_E2EE_PROTOCOL');
    dialerSealer.seal(RecordType.CONFIRM, body);
    expect(codeOf(() => dialerSealer.seal(RecordType.CONFIRM, body))).toBe('ERR_E2EE_PROTOCOL');
  });

  test.each([
    [RecordType.FRAMES, 7],
    [RecordType.REKEY, 1],
    [RecordType.CLOSE, 1],
    [RecordType.ABORT, 1],
    [RecordType.ABORT, 3],
    [6, 0],
    [63, 0],
  ])('a record of type %i with %i bytes is fatal', (type, length) => {
    const { sealer, opener } = createDirection();
    const record = sealer.seal(type as RecordType, [new Uint8Array(length)]);
    expect(codeOf(() => opener.open(record.subarray(3)))).toBe('ERR_E2EE_PROTOCOL');
  });

  test('a type from 64 on is given out to be ignored', () => {
    const { sealer, opener } = createDirection();
    expect(opener.open(sealer.seal(64 as RecordType, []).subarray(3)).type).toBe(64);
    expect(opener.open(sealer.seal(127 as RecordType, []).subarray(3)).type).toBe(127);
  });

  test('padding hides in the length and is removed', () => {
    const { sealer, opener } = createDirection();
    const body = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 9, 1, 2);
    for (const padding of [0, 1, 1_000, 65_535]) {
      const record = sealer.seal(RecordType.FRAMES, [body], { padding });
      expect(record.length).toBe(3 + 1 + body.length + padding + 2 + 16);
      expect(opener.open(record.subarray(3)).body).toEqual(body);
    }
  });

  test.each([
    ['longer than the record', [0, 0, 0, 0, 0, 0, 0, 0, 0, 9]],
    ['without its count', [0]],
    ['not zero', [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]],
  ])('padding %s is fatal', (_, body) => {
    const { sealer, opener } = createDirection();
    const record = sealer.seal((RecordType.FRAMES | 0x80) as RecordType, [Uint8Array.from(body)]);
    expect(codeOf(() => opener.open(record.subarray(3)))).toBe('ERR_E2EE_PROTOCOL');
  });

  test('a body longer than the peer takes is not sealed, and one longer than we take does not open', () => {
    const { sealer } = createDirection();
    expect(codeOf(() => sealer.seal(RecordType.PAD, [new Uint8Array(maxPlaintext)]))).toBe('ERR_ARGUMENT');
    const { dialer, owner } = createPair();
    const record = owner.createSealer().seal(RecordType.PAD, [new Uint8Array(9_000)]);
    expect(codeOf(() => dialer.createOpener(8_704).open(record.subarray(3)))).toBe('ERR_E2EE_INTEGRITY');
  });

  test('is the same in parts as in one piece, and a large part is copied nowhere', () => {
    const parts = [encodeFramesPrefix(7), new Uint8Array(9), new Uint8Array(60_000).fill(2), new Uint8Array(30)];
    const { sealer, opener } = createDirection();
    const record = sealer.sealParts(RecordType.FRAMES, parts);
    expect(record.map(({ length }) => length)).toEqual([3 + 1 + 8 + 9, 60_000, 30, 16]);
    const { body } = opener.open(Buffer.concat(record).subarray(3));
    expect(Buffer.compare(body, Buffer.concat(parts))).toBe(0);
    expect(sealer.sealParts(RecordType.FRAMES, [encodeFramesPrefix(8)]).length).toBe(1);
  });

  test('after REKEY both sides go on under a new key, and the number goes on', () => {
    const { sealer, opener } = createDirection();
    opener.open(seal(sealer, 1));
    opener.open(sealer.seal(RecordType.REKEY, []).subarray(3));
    expect(opener.open(seal(sealer, 2)).number).toBe(2);
    const other = createDirection();
    const rekey = other.sealer.seal(RecordType.REKEY, []);
    const next = seal(other.sealer, 1);
    expect(codeOf(() => other.opener.open(next))).toBe('ERR_E2EE_INTEGRITY');
    other.opener.open(rekey.subarray(3));
    expect(other.opener.open(next).number).toBe(1);
  });

  test('REKEY is due 15 minutes after the first question, again after each', () => {
    const { sealer } = createDirection();
    expect(sealer.rekeyDue(1_000)).toBe(false);
    expect(sealer.rekeyDue(1_000 + SessionLimit.rekeyIntervalMs - 1)).toBe(false);
    expect(sealer.rekeyDue(1_000 + SessionLimit.rekeyIntervalMs)).toBe(true);
    sealer.seal(RecordType.REKEY, []);
    expect(sealer.rekeyDue(1_000 + SessionLimit.rekeyIntervalMs)).toBe(false);
  });

  test('bodies are read as they were written', () => {
    const body = new Uint8Array([...encodeFramesPrefix(2 ** 40 + 1), 5, 6]);
    expect(parseFrames(body)).toEqual({ ack: 2 ** 40 + 1, frames: Uint8Array.of(5, 6) });
    expect(codeOf(() => parseFrames(new Uint8Array(8).fill(255)))).toBe('ERR_E2EE_PROTOCOL');
    expect(parseAbort(encodeAbort(6))).toBe(6);
    expect(codeOf(() => parseAbort(new Uint8Array(3)))).toBe('ERR_E2EE_PROTOCOL');
  });
});

describe('RecordReader', () => {
  test('gives the same records however the bytes are split', () => {
    const arrays = fc.array(fc.uint8Array({ minLength: 17, maxLength: 200 }), { maxLength: 8 });
    fc.assert(
      fc.property(arrays, fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }), (records, sizes) => {
        const bytes = Buffer.concat(records.flatMap((record) => [Buffer.of(0, 0, record.length), record]));
        const reader = new RecordReader(maxPlaintext);
        const found: Uint8Array[] = [];
        for (let offset = 0, turn = 0; offset < bytes.length; turn++) {
          const size = sizes[turn % sizes.length]!;
          found.push(...reader.push(bytes.subarray(offset, offset + size)));
          offset += size;
        }
        expect(found.map((record) => [...record])).toEqual(records.map((record) => [...record]));
        expect(reader.bufferedBytes).toBe(0);
      }),
    );
  });

  test('takes no memory for a length that no record has, and ends there', () => {
    for (const length of [0, 16, maxPlaintext + 17, 0xff_ffff]) {
      const reader = new RecordReader(maxPlaintext);
      const header = Buffer.of(length >> 16, length >> 8, length);
      expect(reader.push(header)).toEqual([new Uint8Array(0)]);
      expect(codeOf(() => reader.push(header))).toBe('ERR_E2EE_INTEGRITY');
    }
  });

  test('gives views of a chunk that holds whole records', () => {
    const chunk = new Uint8Array(3 + 17);
    chunk[2] = 17;
    expect(new RecordReader(maxPlaintext).push(chunk)[0]?.buffer).toBe(chunk.buffer);
  });

  test('never holds more than one record, and throws nothing but its error, for any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (chunks) => {
        const reader = new RecordReader(8_704);
        const code = codeOf(() => {
          for (const chunk of chunks) reader.push(chunk);
        });
        expect(code).toMatch(/^(none|ERR_E2EE_INTEGRITY)$/);
        expect(reader.bufferedBytes).toBeLessThanOrEqual(8_704 + 16 + 3);
      }),
    );
  });
});

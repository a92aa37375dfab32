import { describe, expect, it } from 'vitest';
import { compactRecords, foldRecords, type PeerRecord, parseRecord } from './record.js';

const id = (letter: string) => letter.repeat(56);
const relay = id('r');
const pin = (kind: 'pin' | 'accept' | 'seen', owner: string): PeerRecord => ({
  kind,
  relay,
  name: 'db',
  id: id(owner),
  service: '',
  at: 1,
});
const keycert = (epoch: number): PeerRecord => ({
  kind: 'keycert',
  id: id('a'),
  epoch,
  keycert: Buffer.alloc(132, epoch).toString('base64'),
  at: 1,
});
const idOf = (records: PeerRecord[]) => foldRecords(records).pins.get(`${relay} db`)?.id;

describe('records of known peers', () => {
  it('keep the first answer for a name', () => {
    expect(idOf([pin('pin', 'a'), pin('pin', 'b')])).toBe(id('a'));
  });

  it('replace it by an accepted answer only', () => {
    expect(idOf([pin('pin', 'a'), pin('accept', 'b'), pin('pin', 'c')])).toBe(id('b'));
  });

  it('keep a refused answer apart until it is accepted or forgotten', () => {
    const refused = (records: PeerRecord[]) => foldRecords(records).refused.size;
    expect(refused([pin('pin', 'a'), pin('seen', 'b')])).toBe(1);
    expect(idOf([pin('pin', 'a'), pin('seen', 'b')])).toBe(id('a'));
    expect(refused([pin('seen', 'b'), pin('accept', 'b')])).toBe(0);
    expect(refused([pin('seen', 'b'), { kind: 'forget', relay, name: 'db', at: 1 }])).toBe(0);
  });

  it('trust the first answer again after a name was forgotten', () => {
    expect(idOf([pin('pin', 'a'), { kind: 'forget', relay, name: 'db', at: 2 }, pin('pin', 'b')])).toBe(id('b'));
  });

  it('keep the keys of the highest epoch, in any order', () => {
    const epoch = (records: PeerRecord[]) => foldRecords(records).keycerts.get(id('a'))?.epoch;
    expect(epoch([keycert(3), keycert(2)])).toBe(3);
    expect(epoch([keycert(2), keycert(3)])).toBe(3);
  });

  it('mean the same after compaction', () => {
    const records = [pin('pin', 'a'), pin('pin', 'b'), pin('seen', 'c'), keycert(1), keycert(2)];
    const compact = compactRecords(foldRecords(records));
    expect(compact).toHaveLength(3);
    const [before, after] = [foldRecords(records), foldRecords(compact)];
    expect([...after.pins]).toEqual([...before.pins]);
    expect([...after.refused]).toEqual([...before.refused]);
    expect([...after.keycerts]).toEqual([...before.keycerts]);
  });
});

describe('parseRecord', () => {
  it('reads what is written', () => {
    for (const record of [pin('pin', 'a'), pin('accept', 'b'), keycert(7)]) {
      expect(parseRecord(JSON.stringify(record))).toEqual(record);
    }
  });

  it.each([
    '',
    '{',
    'null',
    '{"kind":"pin"}',
    JSON.stringify({ ...pin('pin', 'a'), name: 'x\u001b[2J' }),
    JSON.stringify({ ...pin('pin', 'a'), id: 'short' }),
    JSON.stringify({ ...pin('pin', 'a'), at: 'now' }),
    JSON.stringify({ ...keycert(1), keycert: 'AAAA' }),
    JSON.stringify({ ...keycert(1), epoch: 1.5 }),
    JSON.stringify({ kind: 'later', at: 1 }),
  ])('skips %s', (line) => {
    expect(parseRecord(line)).toBeUndefined();
  });
});

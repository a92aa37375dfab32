import { SealaneError } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { type EndOfStream, type SentRecord, SentRecords } from './sent-records.js';

function stream(log: string[], name: string) {
  return {
    onEndAcknowledged: () => log.push(`${name} acknowledged`),
    onEndLost: () => log.push(`${name} lost`),
  };
}

const record = (number: number, ends: readonly EndOfStream[] = []): SentRecord => ({
  number,
  parts: [new Uint8Array(100)],
  length: 100,
  nowMs: 0,
  ends,
  isPureAck: false,
  isReserve: false,
});

describe('SentRecords', () => {
  it('acknowledges an end with the record that carried it, and loses it otherwise', () => {
    const log: string[] = [];
    const sent = new SentRecords();
    sent.add(record(0, [stream(log, 'a')]));
    sent.add(record(1, []));
    sent.add(record(2, [stream(log, 'b')]));
    sent.acknowledge(2, 5);
    expect(log).toEqual(['a acknowledged']);
    sent.abandon(() => new SealaneError('ERR_E2EE_TRUNCATED'));
    expect(log).toEqual(['a acknowledged', 'b lost']);
  });

  it('ignores an ack that is lower than one before, and refuses one above what was sent', () => {
    const sent = new SentRecords();
    sent.add(record(0, []));
    sent.add(record(1, []));
    sent.acknowledge(2, 1);
    sent.acknowledge(1, 2);
    expect([sent.acknowledged, sent.hasUnacknowledged]).toEqual([2, false]);
    expect(() => sent.acknowledge(3, 3)).toThrow(expect.objectContaining({ code: 'ERR_E2EE_PROTOCOL' }));
  });
});

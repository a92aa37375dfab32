import { SealaneError } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { KeptBudget } from './kept-budget.js';
import { type EndOfStream, type KeptRecord, SentRecords } from './sent-records.js';

function stream(log: string[], name: string) {
  return {
    onEndAcknowledged: () => log.push(`${name} acknowledged`),
    onEndLost: () => log.push(`${name} lost`),
  };
}

const record = (number: number, ends: readonly EndOfStream[] = []): KeptRecord => ({
  number,
  parts: [new Uint8Array(100)],
  length: 100,
  flags: { ends },
});

describe('SentRecords', () => {
  it('acknowledges an end with the record that carried it, and loses it otherwise', () => {
    const log: string[] = [];
    const sent = new SentRecords();
    sent.add(record(0, [stream(log, 'a')]), 0);
    sent.add(record(1, []), 0);
    sent.add(record(2, [stream(log, 'b')]), 0);
    sent.acknowledge(2, 5);
    expect(log).toEqual(['a acknowledged']);
    sent.abandon(() => new SealaneError('ERR_E2EE_TRUNCATED'));
    expect(log).toEqual(['a acknowledged', 'b lost']);
  });

  it('ignores an ack that is lower than one before, and refuses one above what was sent', () => {
    const sent = new SentRecords();
    sent.add(record(0, []), 0);
    sent.add(record(1, []), 0);
    sent.acknowledge(2, 1);
    sent.acknowledge(1, 2);
    expect([sent.acknowledged, sent.hasUnacknowledged]).toEqual([2, false]);
    expect(() => sent.acknowledge(3, 3)).toThrow(expect.objectContaining({ code: 'ERR_E2EE_PROTOCOL' }));
  });

  it('keeps every record at its place, however many there are and in whatever steps they are acknowledged', () => {
    const budget = new KeptBudget();
    const sent = new SentRecords(budget.reserve());
    let next = 0;
    let acknowledged = 0;
    for (const [added, acked] of [
      [3, 1],
      [6, 0],
      [100, 60],
      [1, 49],
      [200, 150],
      [0, 50],
      [5, 2],
    ] as const) {
      for (let times = 0; times < added; times++) sent.add(record(next++), 0);
      acknowledged += acked;
      sent.acknowledge(acknowledged, 0);
      for (let number = 0; number <= next; number++) {
        const expected = number >= acknowledged && number < next ? number : undefined;
        expect(sent.kept(number)?.number).toBe(expected);
      }
    }
    expect(next - acknowledged).toBe(3);
    sent.abandon(() => new SealaneError('ERR_E2EE_TRUNCATED'));
    expect([sent.kept(acknowledged), budget.places, budget.sharedUsedBytes]).toEqual([undefined, 0, 0]);
  });
});

import { VirtualClock } from '@sealane/testkit';
import { describe, expect, it } from 'vitest';
import { AckState } from './ack-state.js';

function start() {
  const clock = new VirtualClock();
  const dueMs: number[] = [];
  const ack = new AckState(clock, () => dueMs.push(clock.nowMs()));
  return { clock, ack, dueMs };
}

describe('AckState', () => {
  it('is due 250 ms after a record with data', () => {
    const { clock, ack, dueMs } = start();
    ack.onRecord(100, 'data');
    clock.advance(1_000);
    expect(dueMs).toEqual([250]);
  });

  it('is due at once for CONFIRM and CLOSE, after 128 KiB, and after 64 records of any kind', () => {
    const { ack, dueMs } = start();
    ack.onRecord(25, 'urgent');
    ack.onSent();
    ack.onRecord(65_536, 'data');
    ack.onRecord(65_536, 'data');
    ack.onSent();
    for (let record = 0; record < 64; record++) ack.onRecord(25, 'quiet');
    expect(dueMs).toEqual([0, 0, 0]);
  });

  it('is never due for pure acks alone, so that acks do not answer each other', () => {
    const { clock, ack, dueMs } = start();
    for (let record = 0; record < 10; record++) ack.onRecord(25, 'quiet');
    clock.advance(10_000);
    expect([dueMs, clock.pending]).toEqual([[], 0]);
  });

  it('counts anew once one was sent, with one timer for the session', () => {
    const { clock, ack, dueMs } = start();
    ack.onRecord(100, 'data');
    clock.advance(200);
    ack.onSent();
    ack.onRecord(100, 'data');
    expect(clock.pending).toBe(1);
    clock.advance(1_000);
    expect(dueMs).toEqual([450]);
  });
});

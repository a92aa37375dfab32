import { VirtualClock } from '@sealane/testkit';
import { SessionLimit } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { Admission, UnconfirmedTable } from './admission.js';

const id = (number: number): Uint8Array => Uint8Array.of(number >> 8, number);

describe('Admission', () => {
  it('takes every connection id once, among the last 4,096', () => {
    const admission = new Admission(new VirtualClock());
    expect([admission.isNew(id(0)), admission.isNew(id(0))]).toEqual([true, false]);
    for (let number = 1; number <= SessionLimit.seenConnectionIdsPerLink; number++) admission.isNew(id(number));
    expect(admission.isNew(id(1))).toBe(false);
    expect(admission.isNew(id(0))).toBe(true);
  });

  it('gives a second’s budget at once and the rest as time passes', () => {
    const clock = new VirtualClock();
    const admission = new Admission(clock);
    let taken = 0;
    while (admission.takeToken()) taken += 1;
    clock.advance(100);
    while (admission.takeToken()) taken += 1;
    expect(taken).toBe(1_100);
  });
});

describe('UnconfirmedTable', () => {
  it('drops what is not confirmed in 10 s, and the oldest beyond 128', () => {
    const clock = new VirtualClock();
    const table = new UnconfirmedTable(clock);
    const dropped: number[] = [];
    const entries = Array.from({ length: 130 }, (_, number) => ({ drop: () => dropped.push(number) }));
    for (const entry of entries) table.add(entry);
    expect(dropped).toEqual([0, 1]);
    table.remove(entries[2] ?? { drop: () => 0 });
    clock.advance(SessionLimit.confirmWaitMs - 1);
    expect(dropped).toEqual([0, 1]);
    clock.advance(1);
    expect(dropped.length).toBe(129);
    expect(dropped).not.toContain(2);
    expect([table.size, clock.pending]).toEqual([0, 0]);
  });
});

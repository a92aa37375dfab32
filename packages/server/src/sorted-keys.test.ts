import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SortedKeys } from './sorted-keys.js';

describe('SortedKeys', () => {
  it('holds what a sorted set holds, after any keys were added and removed', () => {
    const key = fc.integer({ min: 0, max: 3_000 }).map((number) => number.toString(36));
    const steps = fc.array(fc.tuple(fc.boolean(), key), { maxLength: 4_000 });
    fc.assert(
      fc.property(steps, key, (changes, from) => {
        const keys = new SortedKeys();
        const expected = new Set<string>();
        for (const [isAdded, changed] of changes) {
          if (isAdded) keys.add(changed);
          else keys.delete(changed);
          if (isAdded) expected.add(changed);
          else expected.delete(changed);
        }
        const sorted = [...expected].sort();
        expect([...keys.after(undefined)]).toEqual(sorted);
        expect([...keys.after(from)]).toEqual(sorted.filter((other) => other > from));
        expect(keys.size).toBe(expected.size);
      }),
      { numRuns: 50 },
    );
  });

  it('stays in order through splits and joins of many buckets', () => {
    const keys = new SortedKeys();
    const all = Array.from({ length: 20_000 }, (_, index) => String((index * 7_919) % 20_000).padStart(5, '0'));
    for (const key of all) keys.add(key);
    const sorted = [...all].sort();
    expect([...keys.after(undefined)]).toEqual(sorted);
    for (const key of all) if (!key.endsWith('00')) keys.delete(key);
    const left = sorted.filter((key) => key.endsWith('00'));
    expect([...keys.after(undefined)]).toEqual(left);
    expect([...keys.after('10000')]).toEqual(left.filter((key) => key > '10000'));
  });
});

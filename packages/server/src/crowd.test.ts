import { seededRandom } from '@sealane/testkit';
import { describe, expect, it } from 'vitest';
import { Crowd } from './crowd.js';

describe('Crowd', () => {
  it('gives up the oldest of the largest group, so that a flood pushes out itself and not who came alone', () => {
    const crowd = new Crowd<string>();
    crowd.add('honest', 'a');
    for (let number = 0; number < 5; number++) crowd.add(`b${number}`, 'b');
    crowd.add('c0', 'c');
    crowd.add('c1', 'c');
    const order: (string | undefined)[] = [];
    while (crowd.size > 0) {
      const next = crowd.oldestOfLargest();
      order.push(next);
      if (next !== undefined) crowd.delete(next);
    }
    expect(order).toEqual(['b0', 'b1', 'b2', 'c0', 'b3', 'honest', 'c1', 'b4']);
    expect(crowd.oldestOfLargest()).toBeUndefined();
  });

  it('goes through all of them in order of arrival, also those that changed their group', () => {
    const crowd = new Crowd<string>();
    for (const member of ['one', 'two', 'three']) crowd.add(member, undefined);
    crowd.move('one', 'elsewhere');
    expect([...crowd.members()]).toEqual(['one', 'two', 'three']);
    expect(crowd.oldestOfLargest()).toBe('two');
    crowd.move('nobody', 'elsewhere');
    crowd.delete('nobody');
    expect(crowd.size).toBe(3);
  });

  it('agrees with counting, whatever happens', () => {
    const random = seededRandom(11);
    const crowd = new Crowd<number>();
    const groups = new Map<number, number>();
    for (let step = 0; step < 5_000; step++) {
      const member = random.int(0, 60);
      const group = random.int(0, 7);
      const action = random.int(0, 2);
      if (action === 0 && !groups.has(member)) groups.set(member, group);
      if (action === 0) crowd.add(member, group);
      if (action === 1 && groups.has(member)) groups.set(member, group);
      if (action === 1) crowd.move(member, group);
      if (action === 2) groups.delete(member);
      if (action === 2) crowd.delete(member);
      const counts = new Map<number, number>();
      for (const each of groups.values()) counts.set(each, (counts.get(each) ?? 0) + 1);
      const largest = Math.max(0, ...counts.values());
      const chosen = crowd.oldestOfLargest();
      expect([crowd.size, chosen === undefined]).toEqual([groups.size, groups.size === 0]);
      if (chosen !== undefined) expect(counts.get(groups.get(chosen) ?? -1)).toBe(largest);
    }
  });
});

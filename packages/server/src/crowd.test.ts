import { seededRandom } from '@sealane/testkit';
import { describe, expect, it } from 'vitest';
import { Crowd } from './crowd.js';

describe('Crowd', () => {
  it('gives up any of the largest group, so that a flood pushes out itself and not who came alone', () => {
    const random = seededRandom(3);
    const crowd = new Crowd<string>((count) => random.int(0, count - 1));
    crowd.add('a0', 'a');
    for (let number = 0; number < 5; number++) crowd.add(`b${number}`, 'b');
    crowd.add('c0', 'c');
    crowd.add('c1', 'c');
    const order: string[] = [];
    for (let next = crowd.anyOfLargest(); next !== undefined; next = crowd.anyOfLargest()) {
      order.push(next);
      crowd.delete(next);
    }
    const groups = order.map(([group]) => group).join('');
    expect(groups.slice(0, 3)).toBe('bbb');
    // Two of two, and then each has one.
    expect([...groups.slice(3, 5)].sort()).toEqual(['b', 'c']);
    expect([...groups.slice(5)].sort()).toEqual(['a', 'b', 'c']);
    expect(order.filter((name) => name.startsWith('b'))).not.toEqual(['b0', 'b1', 'b2', 'b3', 'b4']);
  });

  it('spares one, unless there is no other', () => {
    const crowd = new Crowd<string>();
    crowd.add('one', 'a');
    expect(crowd.anyOfLargest('one')).toBe('one');
    crowd.add('two', 'b');
    for (let count = 0; count < 20; count++) expect(crowd.anyOfLargest('one')).toBe('two');
    crowd.add('three', 'b');
    for (let count = 0; count < 20; count++) expect(crowd.anyOfLargest('three')).toBe('two');
  });

  it('gives up each of many equal ones as often as the others', () => {
    const crowd = new Crowd<number>();
    for (let number = 0; number < 40; number++) crowd.add(number, number >> 1);
    const counts = new Map<number | undefined, number>();
    for (let step = 0; step < 40_000; step++) {
      const chosen = crowd.anyOfLargest();
      counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    }
    expect(counts.size).toBe(40);
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(300);
  });

  it('goes through all of them in order of arrival, also those that changed their group', () => {
    const crowd = new Crowd<string>();
    for (const member of ['one', 'two', 'three']) crowd.add(member, undefined);
    crowd.move('one', 'elsewhere');
    expect([...crowd.members()]).toEqual(['one', 'two', 'three']);
    expect(['two', 'three']).toContain(crowd.anyOfLargest());
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
      const chosen = crowd.anyOfLargest();
      expect([crowd.size, chosen === undefined]).toEqual([groups.size, groups.size === 0]);
      if (chosen !== undefined) expect(counts.get(groups.get(chosen) ?? -1)).toBe(largest);
    }
  });
});

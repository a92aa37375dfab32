import { expect, it } from 'vitest';
import { type Placed, PlaceList } from './place-list.js';

interface Member extends Placed {
  readonly name: string;
}

const member = (name: string): Member => ({ name, before: undefined, after: undefined });

function namesOf(list: PlaceList<Member>): string {
  const names: string[] = [];
  for (let next = list.after; next !== list; next = next.after!) names.push((next as Member).name);
  return names.join('');
}

it('keeps the order in which members were put last, and one that was taken out keeps no other alive', () => {
  const list = new PlaceList<Member>();
  const [a, b, c] = [member('a'), member('b'), member('c')];
  expect(list.first).toBeUndefined();
  for (const each of [a, b, c, a]) list.put(each);
  expect([namesOf(list), list.first]).toEqual(['bca', b]);
  list.remove(c);
  list.remove(c);
  expect([namesOf(list), c.before, c.after]).toEqual(['ba', undefined, undefined]);
  list.remove(b);
  list.remove(a);
  expect([namesOf(list), list.first, a.after]).toEqual(['', undefined, undefined]);
});

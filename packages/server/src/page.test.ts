import fc from 'fast-check';
import { expect, it } from 'vitest';
import { firstPage } from './page.js';

it('pages hold each item once, in the order of their keys, whatever the size of a page', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 9 }),
      (keys, limit) => {
        const seen: string[] = [];
        let after: string | undefined;
        for (let page = 0; page <= keys.length; page++) {
          const { items, next } = firstPage(
            keys,
            (key) => key,
            { after, limit },
            (key) => key,
          );
          expect(items.length).toBeLessThanOrEqual(limit);
          seen.push(...items);
          after = next;
          if (next === undefined) break;
        }
        expect(seen).toEqual([...keys].sort((a, b) => (a < b ? -1 : 1)));
        expect(after).toBeUndefined();
      },
    ),
  );
});

it('a page has at least one item and at most a thousand', () => {
  const keys = Array.from({ length: 3_000 }, (_, index) => String(index).padStart(5, '0'));
  const size = (limit: number) =>
    firstPage(
      keys,
      (key) => key,
      { limit },
      (key) => key,
    ).items.length;
  expect([size(0), size(-5), size(1_000_000), firstPage(keys, String, {}, String).items.length]).toEqual([
    1, 1, 1_000, 100,
  ]);
});

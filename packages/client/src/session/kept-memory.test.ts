import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { KeptBudget } from './kept-budget.js';
import { SentRecords } from './sent-records.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as (options: { readonly type: 'minor' }) => void;

/** Collections of new memory alone, of which an object survives two before it counts as old. */
function collectNew(): void {
  for (let times = 0; times < 3; times += 1) collectGarbage({ type: 'minor' });
}

it('what was acknowledged goes with the next collection of new memory, however long the list has been there', async () => {
  const sent = new SentRecords(new KeptBudget().reserve());
  const keptRecords = 20;
  const length = 65_536;
  let number = 0;
  const add = (): void => {
    sent.add({ number, parts: [new Uint8Array(length)], length, flags: {} }, 0);
    number += 1;
  };
  while (number < keptRecords) add();
  collectNew();
  const bytesBefore = process.memoryUsage().arrayBuffers;
  while (number < 1_000) {
    add();
    sent.acknowledge(number - keptRecords, 0);
    if (number % 50 === 0) collectGarbage({ type: 'minor' });
  }
  collectNew();
  const grownBytes = (): number => process.memoryUsage().arrayBuffers - bytesBefore;
  // 0 here, once another thread has freed them; with a Map 28 MiB of the 61 that were acknowledged stayed until a collection of the whole heap.
  await expect.poll(grownBytes, { timeout: 5_000 }).toBeLessThan(4 * 1_048_576);
  for (let kept = number - keptRecords; kept < number; kept += 1) expect(sent.kept(kept)?.number).toBe(kept);
  expect([sent.kept(number - keptRecords - 1), sent.kept(number)]).toEqual([undefined, undefined]);
});

import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { floodAttacks } from '../../../apps/relay/test/attacks/flood-attacks.js';
import { memoryAttacks } from '../../../apps/relay/test/attacks/memory-attacks.js';

it('every attack of the tests has its row in the README, with what it is answered', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const rows = [
    ...floodAttacks,
    ...memoryAttacks,
    { name: 'all of them at once', bound: 'all of these', refusals: [] },
  ].map(({ name, bound, refusals }) => `| ${name} | ${bound} | ${refusals.map((code) => `\`${code}\``).join(', ')} |`);
  expect(rows.filter((row) => !readme.includes(row))).toEqual([]);
});

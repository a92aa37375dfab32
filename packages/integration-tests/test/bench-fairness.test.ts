import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProcess } from '@sealane/testkit';
import { expect, it } from 'vitest';

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

it('node bench/fairness.mjs measures each case, here one of them for a moment', async () => {
  const args = ['--quick', '--pairs', '1', '--seconds', '0.3', '--only', '1 bulk stream'];
  const { code, stdout } = await runProcess(join(root, 'bench/fairness.mjs'), args, { deadlineMs: 150_000 });
  expect(code).toBe(0);
  const cells = stdout.trim().split('\n').at(-1)?.split(' | ') ?? [];
  expect(cells[0]).toBe('| 1 bulk stream, 100 interactive ones inside one session');
  const [alone, beside] = [cells[2], cells[4]].map((cell) => Number.parseFloat(cell ?? ''));
  expect(alone).toBeGreaterThan(0);
  expect(beside).toBeGreaterThan(0);
  // The load was there.
  expect(Number.parseFloat(cells[6] ?? '')).toBeGreaterThan(1);
});

import { expect, test, vi } from 'vitest';
import { isSealaneError, SealaneError } from './error.js';

test('an error of another copy of the package is an error of this one, and nothing else is', async () => {
  vi.resetModules();
  const other = await import('./error.js');
  const error = new other.SealaneError('ERR_CLOSED');
  expect(other.SealaneError).not.toBe(SealaneError);
  expect(error instanceof SealaneError).toBe(true);
  expect(new SealaneError('ERR_CLOSED') instanceof other.SealaneError).toBe(true);
  expect(isSealaneError(error, 'ERR_CLOSED')).toBe(true);
  const others = [
    new Error('ERR_CLOSED'),
    Object.assign(new Error(), { code: 'ERR_CLOSED' }),
    null,
    undefined,
    'ERR_CLOSED',
  ];
  expect(others.filter((value) => (value as unknown) instanceof SealaneError)).toEqual([]);
});

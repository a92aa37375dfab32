import { RelayLimit } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { resolveLimits } from '../src/limits.js';

describe('limits', () => {
  it('are the defaults with what the caller sets, and nothing else', () => {
    expect(resolveLimits()).toEqual(RelayLimit);
    expect(resolveLimits({ maxSockets: 5 }).maxSockets).toBe(5);
    for (const bad of [{ maxSokets: 5 }, { maxSockets: -1 }, { maxSockets: Number.NaN }]) {
      expect(() => resolveLimits(bad as { maxSockets: number })).toThrow(
        expect.objectContaining({ code: 'ERR_ARGUMENT' }),
      );
    }
  });
});

import { RelayLimit } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { limitsForOpenFiles, maxOpenFiles } from './open-files.js';

describe('limits for the files that a process may open', () => {
  it('are the defaults where there are enough, or nobody says how many', () => {
    expect(limitsForOpenFiles(undefined)).toBeUndefined();
    expect(limitsForOpenFiles(20_000)).toBeUndefined();
    expect(limitsForOpenFiles(RelayLimit.maxSockets + 160)).toBeUndefined();
  });

  it('leave room for the process and for refusals, and a quarter to strangers', () => {
    expect(limitsForOpenFiles(RelayLimit.maxSockets + 159)).toEqual({ maxSockets: 15_999, maxUnauthenticated: 2_000 });
    expect(limitsForOpenFiles(1_024)).toEqual({ maxSockets: 928, maxUnauthenticated: 232 });
    expect(limitsForOpenFiles(256)).toEqual({ maxSockets: 208, maxUnauthenticated: 52 });
    expect(limitsForOpenFiles(1)).toEqual({ maxSockets: 1, maxUnauthenticated: 1 });
  });

  it('are asked of the system', () => {
    expect(maxOpenFiles() ?? Number.POSITIVE_INFINITY).toBeGreaterThan(64);
  });
});

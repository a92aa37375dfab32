import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RelayDatabase } from '../../dist/database/relay-database.js';
import { drivers } from './drivers.js';

describe.each(drivers)('the log of a database with %s', (driver) => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sealane-checkpoint-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is moved into the file by a thread while writes go on, and nothing of it is lost', async () => {
    const database = await RelayDatabase.open(directory, { driver });
    let written = 0;
    while (database.checkpoints.count < 3 && database.checkpoints.problem === undefined) {
      for (let i = 0; i < 200; i++) {
        database.names.set({ name: `n${written % 5_000}`, owner: 'x'.repeat(56), keptUntil: written++ });
      }
      await database.durable();
    }
    expect(database.checkpoints.problem).toBeUndefined();
    // It is in the file before the log is closed.
    expect((await stat(database.file)).size).toBeGreaterThan(100_000);
    await database.close();
    const again = await RelayDatabase.open(directory, { driver });
    const names = again.names.all();
    expect([names.length, Math.max(...names.map(({ keptUntil }) => keptUntil ?? 0))]).toEqual([
      Math.min(5_000, written),
      written - 1,
    ]);
    await again.close();
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isLongRun, seededRandom, startProcess, stopAllProcesses } from '@sealane/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RelayDatabase } from '../../src/database/relay-database.js';
import { HostileClient } from '../hostile-client.js';
import { startRelay } from '../relay-process.js';

/** Kills in this run; `pnpm test:long` does a hundred of each. */
const KILLS = isLongRun() ? 100 : 10;
const OWNERS = 4;
const NAMES = 30;
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-killed-'));
});
afterEach(async () => {
  await stopAllProcesses();
  await rm(directory, { recursive: true, force: true });
});

describe(`${KILLS} SIGKILLs under writes`, () => {
  it('lose no name that a relay confirmed, and leave a database that starts', async () => {
    const random = seededRandom(4);
    const confirmed = new Map<string, string>();
    for (let kill = 0; kill < KILLS; kill++) {
      const relay = await startRelay(directory, '--set', 'limits.requestsPerLinkPerSecond=100000');
      const owners = await Promise.all(Array.from({ length: OWNERS }, () => HostileClient.connect(relay.url)));
      const before = confirmed.size;
      // It dies in the midst of them: most are under way, none is the last.
      const enough = before + 5 + ((random(1)[0] ?? 0) % (OWNERS * NAMES - 40));
      const registering = owners.map(async (owner, index) => {
        for (let i = 0; i < NAMES; i++) {
          const name = `k${kill}-${index}-${i}`;
          const answer = await owner.register({ name, service: `s${i % 8}` });
          if (answer === 'closed') return;
          expect(answer).toBe('REGISTERED');
          confirmed.set(name, owner.credential.id);
          if (confirmed.size === enough) relay.process.killNow();
        }
      });
      await Promise.all(registering);
      await relay.process.exited;
      for (const owner of owners) owner.close();
      expect(confirmed.size).toBeGreaterThanOrEqual(enough);
      const database = await RelayDatabase.open(directory);
      const kept = new Map(database.names.all().map(({ name, owner }) => [name, owner]));
      await database.close();
      const lost = [...confirmed].filter(([name, owner]) => kept.get(name) !== owner);
      expect([kill, lost]).toEqual([kill, []]);
    }
  }, 600_000);

  it('lose nothing of any table that was said to be on the disk', async () => {
    const random = seededRandom(5);
    const writer = fileURLToPath(new URL('./writer.mjs', import.meta.url));
    let last = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const child = startProcess(writer, [directory, String(last + 1)]);
      const enough = last + 1 + ((random(1)[0] ?? 0) % 64);
      await child.waitFor('written', ({ n }) => Number(n) >= enough);
      await child.kill();
      last = Number(child.events.filter(({ event }) => event === 'written').at(-1)?.['n']);
      const database = await RelayDatabase.open(directory);
      const numbers = [
        database.names.all().length,
        database.bans.list(0).length,
        database.approvals.list('pending').length,
        [...database.tickets.countByOwner().values()].reduce((sum, count) => sum + count, 0),
        database.approvals.list('approved').length + database.approvals.list('denied').length,
        database.enrolments.all().length,
        database.enrolments.tokens()[0]?.uses ?? 0,
        Number(database.settings.all().get('limits.maxSockets')),
        Number(database.audit.list({ limit: 1 })[0]?.subject),
      ];
      await database.close();
      // What was written and not yet said may be there or not: one step more, not two, and in no table less.
      for (const number of numbers) expect([last, last + 1]).toContain(number);
    }
    expect(last).toBeGreaterThan(KILLS);
  }, 600_000);
});

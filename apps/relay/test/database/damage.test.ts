import { chmod, copyFile, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { skipTest } from '@sealane/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backup, restore } from '../../src/database/backup.js';
import { RelayDatabase } from '../../src/database/relay-database.js';
import { SCHEMA_VERSION } from '../../src/database/schema.js';
import { openDriver } from '../../src/database/sql-driver.js';
import { drivers } from './drivers.js';

const fixtureOf = (version: number) => fileURLToPath(new URL(`../fixtures/database-v${version}.sql`, import.meta.url));
const hasCode = (code: string) => expect.objectContaining({ code });

describe.each(drivers)('a database that is not as it should be, with %s', (driver) => {
  let directory: string;
  let file: string;
  const openDatabase = () => RelayDatabase.open(directory, { driver });
  const withNames = async (count: number) => {
    const database = await openDatabase();
    database.transaction(() => {
      for (let i = 0; i < count; i++) database.names.set({ name: `name-${i}`, owner: 'x'.repeat(56), keptUntil: i });
    });
    await database.close();
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sealane-database-'));
    file = join(directory, 'relay.db');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it.each([1, 2, 3])('is brought from version %i to this version, with all that is in it', async (version) => {
    const old = await openDriver(file, driver);
    old.exec(await readFile(fixtureOf(version), 'utf8'));
    old.close();
    const database = await openDatabase();
    expect(database.names.all()).toEqual([
      { name: 'blue', owner: 'a'.repeat(56), keptUntil: null },
      { name: 'green', owner: 'b'.repeat(56), keptUntil: 1_764_190_000_000 },
    ]);
    expect(database.bans.list(0).map(({ kind, value, reason }) => [kind, value, reason])).toEqual([
      ['network', '192.0.2.0/24', 'flood'],
    ]);
    expect(database.approvals.list().map(({ state }) => state)).toEqual(['approved']);
    expect(database.enrolments.redeem('t1', Buffer.alloc(32, 7), 'c', 0)).toMatchObject({ ok: true, isNew: true });
    expect(database.tickets.usesOf('', Buffer.from('ticket').toString('hex'))).toBe(3);
    expect([...database.settings.all()]).toEqual([['limits.maxSockets', 4_000]]);
    expect(database.audit.list()).toMatchObject([{ action: 'ban', details: { by: 'hand' } }]);
    expect(database.accessTokens.list().map(({ id }) => id)).toEqual(version === 1 ? [] : ['a1']);
    await database.close();
    const again = await openDriver(file, driver);
    expect(again.prepare('PRAGMA user_version').get()).toEqual({ user_version: SCHEMA_VERSION });
    again.close();
  });

  it('is refused when it is of a newer program, and is not touched', async () => {
    await withNames(1);
    const newer = await openDriver(file, driver);
    newer.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    newer.close();
    const before = await readFile(file);
    await expect(openDatabase()).rejects.toThrow(hasCode('ERR_DATABASE_VERSION'));
    expect(await readFile(file)).toEqual(before);
  });

  it('is refused when it is of another program', async () => {
    const other = await openDriver(file, driver);
    other.exec('CREATE TABLE cookies (x)');
    other.close();
    await expect(openDatabase()).rejects.toThrow(hasCode('ERR_DATABASE_CORRUPT'));
  });

  it('is refused as damaged when it is no database, is cut, or has other bytes in its middle', async () => {
    await writeFile(file, 'not a database, but long enough to be looked at'.repeat(100));
    await expect(openDatabase()).rejects.toThrow(hasCode('ERR_DATABASE_CORRUPT'));
    await rm(file);
    await withNames(2_000);
    const whole = await readFile(file);
    await writeFile(file, whole.subarray(0, whole.length / 2));
    await expect(openDatabase()).rejects.toThrow(hasCode('ERR_DATABASE_CORRUPT'));
    await writeFile(file, whole);
    const handle = await open(file, 'r+');
    for (let page = 1; page < 20; page++) await handle.write(Buffer.alloc(2_000, 0x5a), 0, 2_000, page * 4_096);
    await handle.close();
    await expect(openDatabase()).rejects.toThrow(hasCode('ERR_DATABASE_CORRUPT'));
  });

  /** Bytes on a disk that is full are refused by the same engine as pages above a largest number. */
  it('says that the disk is full, keeps what it had, and goes on when there is room', async () => {
    await withNames(10);
    const database = await openDatabase();
    database.limitPages(1);
    const fill = () => {
      for (let i = 0; i < 100_000; i++)
        database.names.set({ name: `more-${i}`, owner: 'y'.repeat(500), keptUntil: null });
    };
    expect(fill).toThrow(hasCode('ERR_DATABASE_FULL'));
    expect(database.names.all().length).toBeGreaterThanOrEqual(10);
    database.limitPages(1_000_000);
    database.names.set({ name: 'after', owner: 'z', keptUntil: null });
    await database.durable();
    await database.close();
  });

  it('says that the disk is read-only', async () => {
    await withNames(1);
    await asNobody(directory, async () => {
      await expect(openDatabase()).rejects.toThrow(hasCode('ERR_DATABASE_READ_ONLY'));
    });
  });

  it('is copied as it is at one moment, and a start from the copy has all of it', async () => {
    const database = await openDatabase();
    for (let i = 0; i < 100; i++) database.names.set({ name: `n${i}`, owner: 'x', keptUntil: null });
    const copy = join(directory, "a copy's name.db");
    await backup(directory, copy, driver);
    expect((await stat(copy)).mode & 0o777).toBe(0o600);
    database.names.set({ name: 'later', owner: 'x', keptUntil: null });
    await database.close();
    await expect(backup(directory, copy, driver)).rejects.toThrow(hasCode('ERR_FILE_EXISTS'));
    await restore(copy, directory, driver);
    const restored = await openDatabase();
    expect(restored.names.all()).toHaveLength(100);
    await restored.close();
  });

  it('is not replaced by a backup that is damaged, empty, newer or not there', async () => {
    await withNames(3);
    const bad = join(directory, 'bad.db');
    // What a backup leaves that is killed before it has written anything.
    await writeFile(bad, '');
    await expect(restore(bad, directory, driver)).rejects.toThrow(hasCode('ERR_DATABASE_CORRUPT'));
    await writeFile(bad, 'x'.repeat(5_000));
    await expect(restore(bad, directory, driver)).rejects.toThrow(hasCode('ERR_DATABASE_CORRUPT'));
    await copyFile(file, bad);
    const newer = await openDriver(bad, driver);
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    await expect(restore(bad, directory, driver)).rejects.toThrow(hasCode('ERR_DATABASE_VERSION'));
    await expect(restore(join(directory, 'none'), directory, driver)).rejects.toThrow(hasCode('ERR_DATABASE'));
    const database = await openDatabase();
    expect(database.names.all()).toHaveLength(3);
    await database.close();
  });
});

/** The superuser may write everything, so a test of it is somebody else meanwhile; for others a mode is enough. */
async function asNobody(directory: string, work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  await chmod(directory, 0o755);
  await chmod(join(directory, 'relay.db'), 0o444);
  if (!isRoot) await chmod(directory, 0o555);
  if (isRoot) process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
    await chmod(directory, 0o755);
  }
}

it('is the same file for both libraries', async (test) => {
  if (drivers.length < 2) skipTest(test, `Node ${process.versions.node} has no library of its own`);
  const directory = await mkdtemp(join(tmpdir(), 'sealane-database-'));
  try {
    for (const [index, driver] of (['libsql', 'node:sqlite', 'libsql'] as const).entries()) {
      const database = await RelayDatabase.open(directory, { driver });
      expect(database.names.all()).toHaveLength(index);
      database.names.set({ name: `n${index}`, owner: 'x', keptUntil: null });
      await database.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

it('says that there is no database where no library is', async () => {
  const getBuiltinModule = process.getBuiltinModule;
  try {
    process.getBuiltinModule = (() => undefined) as unknown as typeof getBuiltinModule;
    await expect(openDriver(':memory:', 'node:sqlite')).rejects.toThrow(hasCode('ERR_DATABASE_DRIVER'));
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
});

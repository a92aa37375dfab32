import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProcess, type SkippableTest, skipTest, stopAllProcesses } from '@sealane/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RelayDatabase } from '../../src/database/relay-database.js';
import { HostileClient } from '../hostile-client.js';
import { program, startRelay } from '../relay-process.js';

let directory: string;
let disk: string;
let dataDir: string;
let isMounted = false;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-disk-'));
  disk = join(directory, 'disk');
  dataDir = join(disk, 'data');
  await mkdir(disk);
});
afterEach(async () => {
  await stopAllProcesses();
  // Lazily: a library may hold its files until its statements are collected.
  if (isMounted) execFileSync('umount', ['-l', disk]);
  isMounted = false;
  await rm(directory, { recursive: true, force: true });
});

/** A disk of 1 MiB of its own. Only the superuser of a machine that allows it can have one. */
function mount(test: SkippableTest): void {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { stdio: 'ignore' });
    isMounted = true;
  } catch {
    skipTest(test, 'no disk can be mounted here');
  }
}

/** Until not a byte more fits. */
async function fill(): Promise<string> {
  const file = join(disk, 'filler');
  await writeFile(file, '');
  for (const size of [65_536, 4_096, 512, 1]) {
    for (;;) {
      try {
        await writeFile(file, Buffer.alloc(size), { flag: 'a' });
      } catch {
        break;
      }
    }
  }
  return file;
}

describe('a relay on a disk of its own', () => {
  it('that gets full refuses leases with new names, goes on otherwise, and takes names when there is room', async (test) => {
    mount(test);
    const { process: relay, url } = await startRelay(dataDir);
    const owner = await HostileClient.connect(url);
    expect(await owner.register({ name: 'before', service: 'a' })).toBe('REGISTERED');
    const filler = await fill();
    // What is allocated already may still take a few.
    let refused = 0;
    for (let i = 0; i < 30 && refused === 0; i++) {
      const client = await HostileClient.connect(url);
      for (let j = 0; j < 15 && refused === 0; j++) {
        const answer = await client.register({ name: `n${i}-${j}`, service: `${j}` });
        if (answer !== 'REGISTERED') refused++;
      }
    }
    expect(refused).toBe(1);
    const stranger = await HostileClient.connect(url);
    expect(await stranger.register({ service: 'nameless' })).toBe('REGISTERED');
    expect(await stranger.register({ name: 'before', service: 'b' })).toMatch(/^refused/);
    expect(relay.hasExited).toBe(false);
    await rm(filler);
    expect(await stranger.register({ name: 'after', service: 'b' })).toBe('REGISTERED');
    await relay.kill();
    const database = await RelayDatabase.open(dataDir);
    const names = database.names.all().map(({ name }) => name);
    await database.close();
    expect(names).toEqual(expect.arrayContaining(['before', 'after']));
  });

  it('that is full or read-only at the start says so in one line', async (test) => {
    mount(test);
    const { process: relay } = await startRelay(dataDir);
    await relay.stop();
    await rm(join(dataDir, 'relay.db'));
    const filler = await fill();
    const full = await runProcess(program, ['--listen', '127.0.0.1:0', '--data-dir', dataDir]);
    expect([full.code, full.stdout]).toEqual([1, '']);
    expect(full.stderr).toMatch(/^error: [^\n]+ \((ERR_DATABASE_FULL|ERR_DATA_DIR)\)\n$/);
    await rm(filler);
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const readOnly = await runProcess(program, ['--listen', '127.0.0.1:0', '--data-dir', dataDir]);
    expect([readOnly.code, readOnly.stdout]).toEqual([1, '']);
    expect(readOnly.stderr).toMatch(
      /^error: [^\n]*(read-only|EROFS)[^\n]* \((ERR_DATABASE_READ_ONLY|ERR_DATA_DIR)\)\n$/,
    );
    await expect(RelayDatabase.open(dataDir)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_DATABASE_READ_ONLY' }),
    );
  });
});

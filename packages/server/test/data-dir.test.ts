import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadServerIdentity } from '../src/data-dir.js';
import { lockDataDir } from '../src/data-dir-lock.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-data-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('data directory', () => {
  it('is made with its keys, closed to others, and gives the same relay again', async () => {
    const path = join(directory, 'a', 'b');
    const first = await loadServerIdentity(path);
    expect(await modeOf(path)).toBe(0o700);
    expect(await modeOf(join(path, 'identity.key'))).toBe(0o600);
    expect(await modeOf(join(path, 'node.key'))).toBe(0o600);
    await first.release();
    const second = await loadServerIdentity(path);
    expect(second.identity.id).toBe(first.identity.id);
    expect(second.nodeKey.publicKey).toEqual(first.nodeKey.publicKey);
    expect(second.nodeEpoch).toBe(1);
    await second.release();
  });

  it('closes a directory that others could read, and refuses a key file that others can read', async () => {
    await chmod(directory, 0o755);
    const { release } = await loadServerIdentity(directory);
    await release();
    expect(await modeOf(directory)).toBe(0o700);
    await chmod(join(directory, 'node.key'), 0o644);
    await expect(loadServerIdentity(directory)).rejects.toMatchObject({ code: 'ERR_KEY_FILE_PERMISSIONS' });
    // A failed start gives the lock back.
    await chmod(join(directory, 'node.key'), 0o600);
    await (await loadServerIdentity(directory)).release();
  });

  it.each(['', '{}', '{"version":2,"epoch":1,"seed":"00"}', '{"version":1,"epoch":0,"seed":"00"}'])(
    'refuses a node key file with %j',
    async (content) => {
      await (await loadServerIdentity(directory)).release();
      await writeFile(join(directory, 'node.key'), content, { mode: 0o600 });
      await expect(loadServerIdentity(directory)).rejects.toMatchObject({ code: 'ERR_KEY_FILE_INVALID' });
    },
  );

  it.runIf(process.platform === 'linux')('says so where the system lets nobody make one', async () => {
    await expect(loadServerIdentity('/proc/sealane/relay')).rejects.toMatchObject({ code: 'ERR_DATA_DIR' });
  });

  it('says so when it cannot be made', async () => {
    await writeFile(join(directory, 'file'), '');
    await expect(loadServerIdentity(join(directory, 'file'))).rejects.toMatchObject({ code: 'ERR_DATA_DIR' });
  });
});

describe('its lock', () => {
  it('is held by one at a time and free after release', async () => {
    const lock = await lockDataDir(directory);
    await expect(lockDataDir(directory)).rejects.toMatchObject({ code: 'ERR_DATA_DIR_LOCKED' });
    await lock.release();
    await lock.release();
    const again = await lockDataDir(directory);
    await again.release();
    expect(await readdir(directory)).toEqual([]);
  });

  it('goes to exactly one of many that start at once, also over a lock that was left behind', async () => {
    for (let round = 0; round < 20; round++) {
      const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataDir(directory)));
      const won = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
      const lost = attempts.flatMap((attempt) => (attempt.status === 'rejected' ? [attempt.reason] : []));
      expect(won).toHaveLength(1);
      expect(lost).toEqual(lost.map(() => expect.objectContaining({ code: 'ERR_DATA_DIR_LOCKED' })));
      await won[0]?.release();
      await abandonedSocket(join(directory, `lock.${round + 1}.sock`));
    }
  });

  it('is free after a SIGKILL of its holder', async () => {
    const holder = fork(new URL('./lock-holder.mjs', import.meta.url), [join(directory, 'lock.1.sock')], {
      execArgv: [],
    });
    await once(holder, 'message');
    await expect(lockDataDir(directory)).rejects.toMatchObject({ code: 'ERR_DATA_DIR_LOCKED' });
    holder.kill('SIGSTOP');
    await expect(lockDataDir(directory)).rejects.toMatchObject({ code: 'ERR_DATA_DIR_LOCKED' });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(await readdir(directory)).toEqual(['lock.1.sock']);
    const lock = await lockDataDir(directory);
    expect(await readdir(directory)).toEqual(['lock.2.sock']);
    await lock.release();
  });

  it('works in a directory whose path is longer than a socket path may be', async () => {
    const deep = join(directory, 'd'.repeat(120), 'e'.repeat(60));
    await mkdir(deep, { recursive: true });
    const lock = await lockDataDir(deep);
    await expect(lockDataDir(deep)).rejects.toMatchObject({ code: 'ERR_DATA_DIR_LOCKED' });
    await lock.release();
  });
});

/** What a killed process leaves: the file of a socket that nobody listens on. */
async function abandonedSocket(path: string): Promise<void> {
  const holder = fork(new URL('./lock-holder.mjs', import.meta.url), [path], { execArgv: [] });
  await once(holder, 'message');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
}

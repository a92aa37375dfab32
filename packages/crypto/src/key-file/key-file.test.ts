import { chmod, mkdtemp, readdir, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Credential, PREVIOUS_EPOCH_MS } from '../credential/credential.js';
import { createKeyFile, loadKeyFile, loadOrCreateKeyFile, rotateKeyFile } from './key-file.js';
import { KeyFileWatcher } from './key-file-watcher.js';
import { readSecretFile, writeSecretFile } from './secret-file.js';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-key-file-'));
  path = join(directory, 'identity.key');
});
afterEach(() => rm(directory, { recursive: true }));

const code = (name: string) => expect.objectContaining({ code: name });

describe('key files', () => {
  test('a new one has mode 0600, gives its identity back and leaves nothing beside it', async () => {
    const credential = await Credential.create();
    await createKeyFile(path, credential);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await loadKeyFile(path)).id).toBe(credential.id);
    expect(await readdir(directory)).toEqual(['identity.key']);
  });

  test('an existing one is never replaced unless asked for', async () => {
    const credential = await loadOrCreateKeyFile(path);
    await expect(createKeyFile(path, await Credential.create())).rejects.toThrow(code('ERR_KEY_FILE_EXISTS'));
    expect((await loadKeyFile(path)).id).toBe(credential.id);
    expect(await readdir(directory)).toEqual(['identity.key']);
  });

  test.each([0o640, 0o604, 0o620, 0o601])('mode %o is ERR_KEY_FILE_PERMISSIONS', async (mode) => {
    await loadOrCreateKeyFile(path);
    await chmod(path, mode);
    await expect(loadKeyFile(path)).rejects.toThrow(code('ERR_KEY_FILE_PERMISSIONS'));
  });

  test('of many that create it at once one wins, and all get its identity', async () => {
    const nested = join(directory, 'a', 'b', 'identity.key');
    const credentials = await Promise.all(Array.from({ length: 12 }, () => loadOrCreateKeyFile(nested)));
    expect(new Set(credentials.map(({ id }) => id)).size).toBe(1);
    expect((await stat(join(directory, 'a'))).mode & 0o777).toBe(0o700);
  });

  test.runIf(process.platform === 'linux')('a directory that nobody can make is ERR_KEY_FILE_IO', async () => {
    await expect(loadOrCreateKeyFile('/proc/sealane/a/identity.key')).rejects.toThrow(code('ERR_KEY_FILE_IO'));
  });

  test('what is no key file is a named error', async () => {
    await expect(loadKeyFile(path)).rejects.toThrow(code('ERR_KEY_FILE_MISSING'));
    await expect(loadKeyFile(directory)).rejects.toThrow(code('ERR_KEY_FILE_INVALID'));
    await expect(loadKeyFile(join(path, 'below'))).rejects.toThrow(code('ERR_KEY_FILE_MISSING'));
    for (const content of ['', '{}', '[]', 'null', '{"type":"sealane-key","version":2}']) {
      await writeFile(path, content, { mode: 0o600 });
      await expect(loadKeyFile(path)).rejects.toThrow(code('ERR_KEY_FILE_INVALID'));
    }
    await truncate(path, 100_000);
    await expect(loadKeyFile(path)).rejects.toThrow(code('ERR_KEY_FILE_INVALID'));
  });

  test('a symbolic link is read by its target s mode, and overwriting keeps the link', async () => {
    const linkPath = join(directory, 'link.key');
    await loadOrCreateKeyFile(path);
    await symlink(path, linkPath);
    await rotateKeyFile(linkPath);
    expect((await loadKeyFile(path)).epoch).toBe(2);
    await chmod(path, 0o644);
    await expect(loadKeyFile(linkPath)).rejects.toThrow(code('ERR_KEY_FILE_PERMISSIONS'));
    await expect(writeSecretFile(linkPath, new Uint8Array(1))).rejects.toThrow(code('ERR_KEY_FILE_EXISTS'));
  });

  test('secret files hold any bytes', async () => {
    await writeSecretFile(path, Uint8Array.of(1, 2, 3));
    expect(await readSecretFile(path)).toEqual(Uint8Array.of(1, 2, 3));
  });
});

describe('rotation', () => {
  test('rotations at once are all counted', async () => {
    await loadOrCreateKeyFile(path);
    await Promise.all(Array.from({ length: 4 }, () => rotateKeyFile(path)));
    expect((await loadKeyFile(path)).epoch).toBe(5);
    expect(await readdir(directory)).toEqual(['identity.key']);
  });

  test('the lock of a process that was killed is no obstacle', async () => {
    await loadOrCreateKeyFile(path);
    await writeFile(`${path}.lock`, '');
    const old = new Date(Date.now() - 60_000);
    await utimes(`${path}.lock`, old, old);
    expect((await rotateKeyFile(path)).epoch).toBe(2);
  });

  test('loading after the date erases the previous epoch from the file', async () => {
    await loadOrCreateKeyFile(path);
    const nowMs = 1_750_000_000_000;
    await rotateKeyFile(path, nowMs);
    expect((await loadKeyFile(path, nowMs)).handshakeKey(1)).toBeDefined();
    expect((await loadKeyFile(path, nowMs + PREVIOUS_EPOCH_MS)).handshakeKey(1)).toBeUndefined();
    expect(new TextDecoder().decode(await readSecretFile(path))).toContain('"previous": null');
  });

  test('a watcher gives the same object until the file changes or the date comes', async () => {
    await loadOrCreateKeyFile(path);
    let wallMs = 1_750_000_000_000;
    const watcher = new KeyFileWatcher(path, { wallMs: () => wallMs });
    const first = await watcher.current();
    expect(await watcher.current()).toBe(first);
    await rotateKeyFile(path, wallMs);
    const second = await watcher.current();
    expect(second.epoch).toBe(2);
    expect(second.handshakeKey(1)).toBeDefined();
    wallMs += PREVIOUS_EPOCH_MS;
    expect((await watcher.current()).handshakeKey(1)).toBeUndefined();
    await rm(path);
    await expect(watcher.current()).rejects.toThrow(code('ERR_KEY_FILE_MISSING'));
  });
});

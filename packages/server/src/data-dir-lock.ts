import { randomBytes } from 'node:crypto';
import { link, open, readdir, realpath, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { SealaneError } from '@sealane/types';

/** A lock that the kernel takes back when its process ends, however that happens. */
export interface DataDirLock {
  /** Idempotent. */
  release(): Promise<void>;
}

const lockName = /^lock\.(\d{1,15})\.sock$/;
/** Longer than any number of processes that start at once needs. */
const MAX_ROUNDS = 100;
/** Bytes that every system takes as the path of a socket. */
const MAX_SOCKET_PATH = 100;

/**
 * Locks a directory for this process. The lock is a listening socket `lock.N.sock`: the living one with the highest N
 * holds it. A socket whose process ended refuses connections, and then only the file `lock.(N+1).sock` may follow it,
 * which exactly one process can create. The file appears by a link to a socket that listens already, so that a living
 * lock never looks dead, and no file is removed that a starter might still judge by: only its holder removes lower ones.
 * @throws ERR_DATA_DIR_LOCKED while another process holds it, ERR_DATA_DIR
 */
export async function lockDataDir(directory: string): Promise<DataDirLock> {
  if (process.platform === 'win32') return await lockByPipe(directory);
  const access = await socketDirectory(directory);
  try {
    const mine = `lock.${randomBytes(8).toString('hex')}.new`;
    const server = await listenOn(join(access.path, mine));
    try {
      const name = await acquire(access.path, mine);
      return {
        release: once(async () => {
          await removeIfThere(join(directory, name));
          await closeServer(server);
        }),
      };
    } catch (error) {
      await closeServer(server);
      throw error;
    } finally {
      await removeIfThere(join(directory, mine));
    }
  } finally {
    await access.close();
  }
}

/** Whether a process holds the lock of a directory now; changes nothing. @throws ERR_DATA_DIR */
export async function isDataDirLocked(directory: string): Promise<boolean> {
  if (process.platform === 'win32') return await isHeld(await pipeOf(directory));
  const access = await socketDirectory(directory);
  try {
    const highest = (await lockNumbers(access.path)).at(-1);
    return highest !== undefined && (await isHeld(join(access.path, fileOf(highest))));
  } finally {
    await access.close();
  }
}

async function acquire(directory: string, mine: string): Promise<string> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = await lockNumbers(directory);
    const highest = before.at(-1) ?? 0;
    if (highest > 0 && (await isHeld(join(directory, fileOf(highest))))) throw locked();
    const name = fileOf(highest + 1);
    try {
      await link(join(directory, mine), join(directory, name));
    } catch (error) {
      if (isErrno(error, 'EEXIST')) continue;
      throw error;
    }
    // A slow starter may have revived a low number whose file a later holder had removed: the highest one wins.
    const after = await lockNumbers(directory);
    if (after.at(-1) === highest + 1) {
      for (const number of after.slice(0, -1)) await removeIfThere(join(directory, fileOf(number)));
      return name;
    }
    await removeIfThere(join(directory, name));
  }
  throw locked();
}

async function lockNumbers(directory: string): Promise<number[]> {
  const numbers = (await readdir(directory)).map((name) => Number(lockName.exec(name)?.[1] ?? 0));
  return numbers.filter((number) => number > 0).sort((a, b) => a - b);
}

/** Whether a process listens there. Only a refusal, or no file, says no: a busy or stopped holder still holds. */
function isHeld(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => resolve(!isErrno(error, 'ECONNREFUSED') && !isErrno(error, 'ENOENT')));
  });
}

function listenOn(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      // accept() may fail when file descriptors run out; the lock holds all the same.
      server.on('error', () => undefined);
      // The lock alone does not keep a process alive.
      server.unref();
      resolve(server);
    });
  });
}

/** Paths of sockets are short; on Linux an open directory gives any directory a short one. */
async function socketDirectory(directory: string): Promise<{ readonly path: string; close(): Promise<void> }> {
  const path = await realpath(directory);
  if (Buffer.byteLength(path) + 40 <= MAX_SOCKET_PATH) return { path, close: async () => undefined };
  if (process.platform !== 'linux') {
    throw new SealaneError('ERR_DATA_DIR', `the path ${path} is too long for the lock; use a shorter one`);
  }
  const handle = await open(path);
  return { path: `/proc/self/fd/${handle.fd}`, close: () => handle.close() };
}

/** Named pipes of Windows end with their process and exist once. */
async function lockByPipe(directory: string): Promise<DataDirLock> {
  try {
    const server = await listenOn(await pipeOf(directory));
    return { release: once(() => closeServer(server)) };
  } catch (error) {
    throw isErrno(error, 'EADDRINUSE') || isErrno(error, 'EACCES') ? locked() : error;
  }
}

async function pipeOf(directory: string): Promise<string> {
  const name = Buffer.from((await realpath(directory)).toLowerCase())
    .toString('base64url')
    .slice(-200);
  return `\\\\.\\pipe\\sealane-${name}`;
}

function fileOf(number: number): string {
  return `lock.${number}.sock`;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}

function once(release: () => Promise<void>): () => Promise<void> {
  let released: Promise<void> | undefined;
  return () => {
    released ??= release();
    return released;
  };
}

function locked(): SealaneError {
  return new SealaneError('ERR_DATA_DIR_LOCKED', 'another relay uses this data directory; stop it or use another one');
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

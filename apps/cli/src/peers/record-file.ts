import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDirectories } from '@sealane/crypto/key-file';
import { SealaneError } from '@sealane/types';
import { type PeerRecord, parseRecord } from './record.js';

/** A known-peers file beyond this is not read: `sealane peers forget` makes it smaller. */
export const maxFileBytes = 16_777_216;
const maxAttempts = 20;

export interface ReadResult {
  readonly records: PeerRecord[];
  /** Lines that could not be read; they are skipped. */
  readonly damaged: number;
}

/** All records of the file; a missing file is an empty one. Throws ERR_CONFIG. */
export async function readRecords(path: string): Promise<ReadResult> {
  const file = await openFile(path, 'r');
  if (file === undefined) return { records: [], damaged: 0 };
  try {
    return parseLines(await readFrom(file, 0, path));
  } finally {
    await file.close();
  }
}

/**
 * Adds one line with a single write at the end of the file, which the system keeps whole beside other processes' writes.
 * If the file was replaced meanwhile the line is added to the new one as well; a repeated line changes nothing.
 */
export async function appendRecord(path: string, record: PeerRecord): Promise<void> {
  await makeDirectories(dirname(path));
  const line = Buffer.from(`${JSON.stringify(record)}\n`);
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const file = await open(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
    try {
      const torn = await endsWithinLine(file);
      await file.write(torn ? Buffer.concat([Buffer.from('\n'), line]) : line);
      await file.datasync();
      if (await isStillAt(file, path)) return;
    } finally {
      await file.close();
    }
  }
  throw new SealaneError('ERR_CONFIG', `${path} is replaced by others all the time`);
}

/**
 * Replaces the file by what `transform` makes of its records. Lines that others add meanwhile are carried over:
 * the old file is read again after the rename, and who writes to it later sees that it was replaced.
 */
export async function rewriteRecords(path: string, transform: (records: PeerRecord[]) => PeerRecord[]): Promise<void> {
  await makeDirectories(dirname(path));
  await withLock(`${path}.lock`, async () => {
    const old = await openFile(path, 'r');
    try {
      const text = old === undefined ? '' : await readFrom(old, 0, path);
      const temporary = `${path}.${process.pid}.tmp`;
      const lines = transform(parseLines(text).records).map((record) => `${JSON.stringify(record)}\n`);
      const file = await open(temporary, 'w', 0o600);
      try {
        await file.writeFile(lines.join(''));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
      if (old === undefined) return;
      const late = await readFrom(old, Buffer.byteLength(text), path);
      for (const record of parseLines(late).records) await appendRecord(path, record);
    } finally {
      await old?.close();
    }
  });
}

function parseLines(text: string): ReadResult {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const records = lines.map(parseRecord).filter((record) => record !== undefined);
  return { records, damaged: lines.length - records.length };
}

async function openFile(path: string, flags: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new SealaneError('ERR_CONFIG', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

async function readFrom(file: FileHandle, offset: number, path: string): Promise<string> {
  const { size } = await file.stat();
  if (size > maxFileBytes) {
    throw new SealaneError('ERR_CONFIG', `${path} is larger than ${maxFileBytes} bytes; move it away and pin again`);
  }
  const chunks: Buffer[] = [];
  for (let position = offset; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(65_536), 0, 65_536, position);
    if (bytesRead === 0 || position - offset > maxFileBytes) return Buffer.concat(chunks).toString('utf8');
    chunks.push(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}

/** A writer that was stopped within its line must not take the next line with it. */
async function endsWithinLine(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat();
  if (size === 0) return false;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return bytesRead === 1 && buffer[0] !== 0x0a;
}

async function isStillAt(file: FileHandle, path: string): Promise<boolean> {
  try {
    const [here, there] = [await file.stat({ bigint: true }), await stat(path, { bigint: true })];
    return here.ino === there.ino && here.dev === there.dev;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Keeps two rewriting processes apart; a lock whose process is gone is removed. */
async function withLock(path: string, action: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(String(process.pid));
      await file.close();
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (attempt >= 50) {
        throw new SealaneError('ERR_CONFIG', `another process rewrites the known peers; if none runs, remove ${path}`);
      }
      if (!(await holderLives(path))) await rm(path, { force: true });
      else await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  try {
    await action();
  } finally {
    await rm(path, { force: true });
  }
}

async function holderLives(path: string): Promise<boolean> {
  const file = await openFile(path, 'r');
  if (file === undefined) return false;
  const text = await file.readFile('utf8').finally(() => file.close());
  const pid = Number(text);
  // An empty lock is one whose holder has not written its number yet.
  if (!Number.isInteger(pid) || pid <= 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

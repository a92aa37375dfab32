import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { SealaneError } from '@sealane/types';
import { usageError } from '../output/error-line.js';
import { MAX_FILES } from './transfer-protocol.js';

const READ_BYTES = 262_144;

/** One file to send. */
export interface OutgoingFile {
  readonly name: string;
  /** Null for standard input. */
  readonly size: number | null;
  /** Whether `read` may be called again, from the start. */
  readonly isRepeatable: boolean;
  /** From the first byte. Chunks are new memory. */
  read(): AsyncIterable<Uint8Array>;
}

/** The arguments of `send`: files, or `-` for standard input. ERR_ARGUMENT, ERR_SYSTEM. */
export async function openOutgoing(paths: readonly string[], name: string | undefined): Promise<OutgoingFile[]> {
  if (paths.length > MAX_FILES) throw usageError(`at most ${MAX_FILES} files can be sent at once; send an archive`);
  if (name !== undefined && paths.length > 1) throw usageError('--name is for a single file');
  if (paths.filter((path) => path === '-').length > 1) throw usageError('standard input can be sent once');
  const files: OutgoingFile[] = [];
  for (const path of paths) files.push(path === '-' ? standardInput(name) : await regularFile(path, name));
  return files;
}

function standardInput(name = 'stdin'): OutgoingFile {
  return { name, size: null, isRepeatable: false, read: () => process.stdin };
}

async function regularFile(path: string, name: string | undefined): Promise<OutgoingFile> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new SealaneError('ERR_SYSTEM', `${path} cannot be read: ${error.code ?? error.message}`, { cause: error });
  });
  if (found.isDirectory()) {
    const base = basename(resolve(path));
    throw usageError(
      `${path} is a directory; send an archive of it: tar c ${base} | sealane send - --name ${base}.tar`,
    );
  }
  if (!found.isFile()) throw usageError(`${path} is no file; send what it gives with "-" for standard input`);
  return {
    name: name ?? basename(path),
    size: found.size,
    isRepeatable: true,
    read: () => createReadStream(path, { highWaterMark: READ_BYTES }),
  };
}

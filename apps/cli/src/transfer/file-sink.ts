import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { type FileHandle, link, lstat, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import type { Writable } from 'node:stream';
import { SealaneError } from '@sealane/types';
import { openOutput } from '../tunnel/stdio.js';
import { assertFileName } from './file-name.js';
import type { FileOffer } from './transfer-protocol.js';

/** Where one received file goes. Nothing stands under its name before `finish`. */
export interface FileSink {
  readonly path: string;
  write(bytes: Uint8Array): Promise<void>;
  finish(): Promise<void>;
  /** Leaves nothing behind. Idempotent, and a no-op after `finish`. */
  discard(): Promise<void>;
}

export interface SinkOptions {
  /** --output: a directory, a file, or `-` for standard output. */
  readonly output: string | undefined;
  /** Replace a file that is there. */
  readonly force: boolean;
}

/** ERR_TRANSFER_NAME, ERR_FILE_EXISTS, ERR_ARGUMENT, or what the file system says. */
export async function createSink(offer: FileOffer, options: SinkOptions): Promise<FileSink> {
  if (options.output === '-') {
    standardOutput ??= new StdoutSink();
    return standardOutput;
  }
  const path = await targetPath(offer, options.output);
  if (!options.force && (await exists(path))) throw existsError(path);
  return await PartFile.create(path, options.force);
}

async function targetPath(offer: FileOffer, output: string | undefined): Promise<string> {
  const isDirectory =
    output === undefined || output.endsWith(sep) || (await stat(output).catch(() => undefined))?.isDirectory() === true;
  if (isDirectory) {
    assertFileName(offer.name);
    return join(resolve(output ?? '.'), offer.name);
  }
  if (offer.count > 1) {
    throw new SealaneError('ERR_ARGUMENT', `${offer.count} files are sent; give a directory with --output`);
  }
  return resolve(output);
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

function existsError(path: string): SealaneError {
  return new SealaneError(
    'ERR_FILE_EXISTS',
    `${path} is there already; replace it with --force, or give another --output`,
  );
}

/** A file beside the target that gets its name when it is whole. */
class PartFile implements FileSink {
  readonly path: string;
  readonly #part: string;
  readonly #handle: FileHandle;
  readonly #force: boolean;
  #isOver = false;
  /** A second signal, or a defect of ours, ends the process without `discard`. */
  readonly #removeAtExit = (): void => rmSync(this.#part, { force: true });

  private constructor(path: string, part: string, handle: FileHandle, force: boolean) {
    this.path = path;
    this.#part = part;
    this.#handle = handle;
    this.#force = force;
    process.once('exit', this.#removeAtExit);
  }

  static async create(path: string, force: boolean): Promise<PartFile> {
    const part = join(dirname(path), `.sealane-${randomBytes(6).toString('hex')}.part`);
    return new PartFile(path, part, await open(part, 'wx'), force);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length; ) {
      offset += (await this.#handle.write(bytes, offset)).bytesWritten;
    }
  }

  async finish(): Promise<void> {
    await this.#handle.datasync();
    await this.#handle.close();
    if (this.#force) await rename(this.#part, this.path);
    else await this.#linkNew();
    this.#isOver = true;
    process.off('exit', this.#removeAtExit);
  }

  async discard(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#handle.close().catch(() => undefined);
    await rm(this.#part, { force: true });
    process.off('exit', this.#removeAtExit);
  }

  /** Unlike a rename, a link never replaces what came meanwhile. */
  async #linkNew(): Promise<void> {
    try {
      await link(this.#part, this.path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') throw existsError(this.path);
      // A file system without links: the name is taken first, then filled.
      await (await open(this.path, 'wx')).close();
      await rename(this.#part, this.path);
      return;
    }
    await rm(this.#part, { force: true });
  }
}

/** Made once: what comes after the first file is written to the same output. */
let standardOutput: StdoutSink | undefined;

class StdoutSink implements FileSink {
  readonly path = '-';
  readonly #output: Writable;
  #error: Error | undefined;

  constructor() {
    this.#output = openOutput();
    this.#output.on('error', (error) => {
      this.#error = error;
    });
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    return new Promise((done, fail) => this.#output.write(bytes, (error) => (error ? fail(error) : done())));
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  discard(): Promise<void> {
    return Promise.resolve();
  }
}

import { createHash } from 'node:crypto';
import { closeSync, createReadStream, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededChunks } from '@sealane/testkit';
import { onTestFinished } from 'vitest';

/** Large enough to fill every window and buffer many times. */
export const largeBytes = 200_000_000;

/** A file of seeded bytes; its SHA-256. */
export function writeSeededFile(path: string, seed: number, bytes: number): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'w', 0o644);
  for (const chunk of seededChunks(seed, bytes)) {
    hash.update(chunk);
    writeSync(file, chunk);
  }
  closeSync(file);
  return hash.digest('hex');
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

/** A directory that is removed with the test. */
export function testDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sealane-program-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

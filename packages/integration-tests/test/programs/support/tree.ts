import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { seededChunks } from '@sealane/testkit';
import { sha256OfFile } from './files.js';

const fileCount = 600;
const largeFileBytes = 5_000_000;

/** A tree of many small files, some large ones, empty ones, links and names that need care. */
export function writeTree(root: string): void {
  for (let index = 0; index < fileCount; index++) {
    const directory = join(root, `d${index % 40}`, `e${index % 7}`);
    mkdirSync(directory, { recursive: true });
    writeSeeded(join(directory, `file ${index}`), index, (index * 37) % 5_000, index % 2 === 0 ? 0o644 : 0o600);
  }
  for (let index = 0; index < 3; index++)
    writeSeeded(join(root, `large-${index}`), 5_000 + index, largeFileBytes, 0o644);
  symlinkSync('d1/e1/file 1', join(root, 'link'));
  symlinkSync('nowhere', join(root, 'broken link'));
  mkdirSync(join(root, 'empty'));
  writeSeeded(join(root, 'Ünïcode \'quoted\' "$HOME"\ttab'), 6_000, 100, 0o644);
}

/** What a working day does to it: changes, additions, removals, and bytes in the middle of a large file. */
export function changeTree(root: string): void {
  for (let index = 0; index < fileCount; index += 20) {
    const path = join(root, `d${index % 40}`, `e${index % 7}`, `file ${index}`);
    if (index % 100 === 0) rmSync(path);
    else writeSeeded(path, index + 10_000, 3_000, 0o640);
  }
  writeSeeded(join(root, 'd1', 'new'), 7_000, 70_000, 0o644);
  const large = Buffer.concat([...seededChunks(5_000, largeFileBytes)]);
  Buffer.concat([...seededChunks(7_001, 1_000)]).copy(large, largeFileBytes / 2);
  writeFileSync(join(root, 'large-0'), Buffer.concat([large, ...seededChunks(7_002, 5_000)]));
  rmSync(join(root, 'link'));
  symlinkSync('d2', join(root, 'link'));
}

/** One line per entry: path, kind, mode, time, size and SHA-256 or target. Two trees are equal if these are. */
export async function describeTree(root: string): Promise<string[]> {
  const lines: string[] = [];
  for (const path of (await readdir(root, { recursive: true })).sort()) {
    const entry = await lstat(join(root, path));
    const mode = (entry.mode & 0o777).toString(8);
    if (entry.isSymbolicLink()) lines.push(`${path} link to ${await readlink(join(root, path))}`);
    else if (entry.isDirectory()) lines.push(`${path} directory ${mode}`);
    else {
      const time = Math.floor(entry.mtimeMs / 1000);
      lines.push(`${path} file ${mode} ${time} ${entry.size} ${await sha256OfFile(join(root, path))}`);
    }
  }
  return lines;
}

function writeSeeded(path: string, seed: number, bytes: number, mode: number): void {
  writeFileSync(path, Buffer.concat([...seededChunks(seed, bytes)]), { mode });
  const seconds = 1_700_000_000 + seed;
  utimesSync(path, seconds, seconds);
}

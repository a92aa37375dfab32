import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Inputs of one target: one line of base64 each, shortest first. A missing file is an empty one. */
export function readCorpusFile(path: string): Uint8Array[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  // An empty input is a line of its own: the last line end closes a line and opens none.
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => new Uint8Array(Buffer.from(line, 'base64')));
}

export function writeCorpusFile(path: string, inputs: readonly Uint8Array[]): void {
  const lines = [...new Set(inputs.map((input) => Buffer.from(input).toString('base64')))];
  lines.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, lines.map((line) => `${line}\n`).join(''));
  renameSync(`${path}.new`, path);
}

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KnownPeers } from '../src/peers/known-peers.js';
import { compactRecords, foldRecords } from '../src/peers/record.js';
import { appendRecord, readRecords, rewriteRecords } from '../src/peers/record-file.js';

const distOf = (path: string) => new URL(`../dist/peers/${path}`, import.meta.url).href;
const id = (letter: string) => letter.repeat(56);
const relay = id('r');
let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-peers-'));
  path = join(directory, 'sub', 'known-peers.jsonl');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('known-peers file', () => {
  it('is created for its user alone, with its directory', async () => {
    await new KnownPeers(path).addPin(relay, 'db', { id: id('a'), service: '' });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, 'sub'))).mode & 0o777).toBe(0o700);
  });

  it('sees what another process added', async () => {
    const [one, two] = [new KnownPeers(path), new KnownPeers(path)];
    expect(await two.pin(relay, 'db')).toBeUndefined();
    await one.addPin(relay, 'db', { id: id('a'), service: 's' });
    expect(await two.pin(relay, 'db')).toMatchObject({ id: id('a'), service: 's' });
  });

  it('gives the pin of the first of two processes that pin at once to both', async () => {
    const answers = ['a', 'b', 'c', 'd'].map((letter) =>
      new KnownPeers(path).addPin(relay, 'db', { id: id(letter), service: '' }),
    );
    const winners = new Set((await Promise.all(answers)).map((pin) => pin.id));
    expect(winners.size).toBe(1);
  });

  it('keeps every line of many processes that write at once, while others rewrite the file', async () => {
    const script = `
      import { appendRecord, rewriteRecords } from ${JSON.stringify(distOf('record-file.js'))};
      import { compactRecords, foldRecords } from ${JSON.stringify(distOf('record.js'))};
      const [path, letter] = process.argv.slice(1);
      for (let index = 0; index < 40; index += 1) {
        await appendRecord(path, { kind: 'pin', relay: 'r'.repeat(56), name: letter + index, id: 'a'.repeat(56), service: '', at: 1 });
        if (index % 10 === 5) await rewriteRecords(path, (lines) => compactRecords(foldRecords(lines)));
      }`;
    const run = promisify(execFile);
    await Promise.all(
      ['a', 'b', 'c', 'd'].map((letter) => run(process.execPath, ['--input-type=module', '-e', script, path, letter])),
    );
    const { records, damaged } = await readRecords(path);
    expect(damaged).toBe(0);
    expect(foldRecords(records).pins.size).toBe(160);
  });

  it('skips a line that was torn, and does not lose the next one', async () => {
    await appendRecord(path, { kind: 'pin', relay, name: 'one', id: id('a'), service: '', at: 1 });
    const whole = await readFile(path, 'utf8');
    await writeFile(path, `${whole}{"kind":"pin","relay":"rr`);
    const reported: number[] = [];
    const peers = new KnownPeers(path, { onDamaged: (lines) => reported.push(lines) });
    await peers.addPin(relay, 'two', { id: id('b'), service: '' });
    const { pins } = await peers.state();
    expect([...pins.values()].map((pin) => pin.name)).toEqual(['one', 'two']);
    expect(reported).toEqual([1]);
  });

  it('removes forgotten lines from the disk', async () => {
    await appendRecord(path, { kind: 'pin', relay, name: 'one', id: id('a'), service: '', at: 1 });
    await appendRecord(path, { kind: 'forget', relay, name: 'one', at: 1 });
    await rewriteRecords(path, (lines) => compactRecords(foldRecords(lines)));
    expect(await readFile(path, 'utf8')).toBe('');
  });

  it('goes on after a process died while it rewrote the file', async () => {
    await appendRecord(path, { kind: 'pin', relay, name: 'one', id: id('a'), service: '', at: 1 });
    await writeFile(`${path}.lock`, '4194304999');
    await rewriteRecords(path, (lines) => lines);
    expect((await readRecords(path)).records).toHaveLength(1);
  });

  it('keeps one refused answer per name and process, so that a relay cannot fill the file', async () => {
    const peers = new KnownPeers(path);
    for (const letter of ['b', 'c', 'd']) await peers.addRefused(relay, 'db', { id: id(letter), service: '' });
    expect((await readRecords(path)).records).toHaveLength(1);
  });

  it('keeps keys only when their epoch is higher', async () => {
    const peers = new KnownPeers(path);
    for (const epoch of [2, 1, 2, 3])
      await peers.addKeycert({ id: id('a'), epoch, bytes: new Uint8Array(132).fill(epoch) });
    expect((await readRecords(path)).records).toHaveLength(2);
    expect(await peers.keycert(id('a'))).toEqual({ id: id('a'), epoch: 3, bytes: new Uint8Array(132).fill(3) });
  });
});

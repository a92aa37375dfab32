import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCrypto } from '@sealane/crypto';
import { Credential } from '@sealane/crypto/credential';
import type { SealaneError } from '@sealane/types';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AllowEntry } from './allow-entry.js';
import { parseAllowEntry } from './allow-entry.js';
import { parseAllowFile, readAllowFile, watchAllowFile } from './allow-file.js';

let id: string;
let other: string;
beforeAll(async () => {
  await loadCrypto();
  id = (await Credential.create()).id;
  other = (await Credential.create()).id;
});

describe('allow entry', () => {
  it('is an id, with a minimum epoch if wanted', () => {
    expect(parseAllowEntry(id)).toEqual({ id, minEpoch: 0 });
    expect(parseAllowEntry(`${id.toUpperCase()}?e=3`)).toEqual({ id, minEpoch: 3 });
  });

  it.each(['', 'name', '?e=1'])('refuses "%s"', (text) => {
    expect(() => parseAllowEntry(text)).toThrow(expect.objectContaining({ code: 'ERR_ID_INVALID' }));
  });

  it.each(['?', '?e=', '?e=-1', '?e=4294967296', '?e=1?e=2', '?x=1'])('refuses an id with "%s"', (query) => {
    expect(() => parseAllowEntry(id + query)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
  });

  it('refuses an id with a typing mistake', () => {
    const wrong = (id[20] === 'a' ? 'b' : 'a') + id.slice(21);
    expect(() => parseAllowEntry(id.slice(0, 20) + wrong)).toThrow(expect.objectContaining({ code: 'ERR_ID_INVALID' }));
  });
});

describe('allow file', () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sealane-allow-'));
    path = join(directory, 'allowed');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('has one entry per line, with comments', () => {
    expect(parseAllowFile(`# head\n\n  ${id}  # me\r\n${other}?e=2`, 'f')).toEqual([
      { id, minEpoch: 0 },
      { id: other, minEpoch: 2 },
    ]);
  });

  it('names the line that is wrong', () => {
    expect(() => parseAllowFile(`${id}\nnonsense\n`, 'f')).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG', message: expect.stringContaining('f line 2') }),
    );
  });

  it('that is missing is ERR_CONFIG', () => {
    expect(() => readAllowFile(path)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }));
  });

  it('is read again when it changes, also when it is replaced, and a bad one changes nothing', async () => {
    const taken: AllowEntry[][] = [];
    const problems: SealaneError[] = [];
    await writeFile(path, `${id}\n`);
    const stop = watchAllowFile(
      path,
      { onEntries: (entries) => taken.push(entries), onProblem: (error) => problems.push(error) },
      5,
    );
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(taken).toEqual([]);
    // Replaced in one step: between the steps of a plain write the file is empty, which would be taken as well.
    const replace = async (text: string): Promise<void> => {
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    };
    await replace(`${id}\n${other}\n`);
    await expect.poll(() => taken.at(-1)?.length).toBe(2);
    await replace('nonsense\n');
    await expect.poll(() => problems.length).toBe(1);
    await rm(path);
    await expect.poll(() => problems.length).toBe(2);
    expect(taken).toHaveLength(1);
    await writeFile(path, '');
    await expect.poll(() => taken.at(-1)?.length).toBe(0);
    stop();
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCrypto } from '@sealane/crypto';
import { generateEnrolmentToken, hashEnrolmentToken } from '@sealane/crypto/admission';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AccessTokens } from '../admin/access-tokens.js';
import { RelayDatabase } from '../database/relay-database.js';
import { DatabaseTokens } from './database-tokens.js';

const DAY_MS = 86_400_000;
let directory: string;
let database: RelayDatabase;

beforeAll(async () => {
  await loadCrypto();
  directory = await mkdtemp(join(tmpdir(), 'sealane-tokens-'));
  database = await RelayDatabase.open(directory);
});
afterAll(async () => {
  await database.close();
  await rm(directory, { recursive: true, force: true });
});

it('who is seen after its first day stays enrolled, who is not is forgotten, and told so', async () => {
  const token = generateEnrolmentToken();
  const record = { id: token.id, hash: hashEnrolmentToken(token), expiresAtMs: null, uses: 3, note: '' };
  const first = new DatabaseTokens(database, () => undefined);
  await first.add(record);
  const nowMs = Date.now();
  for (const identity of ['stays', 'one time']) {
    expect(await first.enrol(token, identity, nowMs - 31 * DAY_MS)).toBe('enrolled');
  }
  expect(await first.enrol(token, 'of today', nowMs)).toBe('enrolled');
  // As after a restart.
  const tokens = new DatabaseTokens(database, () => undefined);
  const told: string[] = [];
  tokens.watch((identity) => told.push(identity));
  for (const identity of ['stays', 'of today']) expect(tokens.isEnrolled(identity)).toBe(true);
  tokens.forget(database.prune(30 * DAY_MS));
  const enrolled = ['stays', 'one time', 'of today'].map((identity) => tokens.isEnrolled(identity));
  expect([enrolled, told]).toEqual([[true, false, true], ['one time']]);
  expect(database.enrolments.all().map(({ identity, isBrief }) => [identity, isBrief])).toEqual([
    ['stays', 0],
    ['of today', 1],
  ]);
  // Its use stays counted.
  expect(await tokens.enrol(token, 'one more', nowMs)).toBe('used-up');
});

it('the last use of a token of the admin API is known after a restart', () => {
  const { token, text } = new AccessTokens(database).create({
    role: 'read',
    label: '',
    expiresAt: null,
    createdBy: 'test',
  });
  const lastUsed = (tokens: AccessTokens): number | null | undefined => {
    const known = tokens.list().find(({ id }) => id === token.id);
    return known === undefined ? undefined : tokens.lastUsedMs(known);
  };
  const before = new AccessTokens(database);
  expect(lastUsed(before)).toBeNull();
  expect(before.find(text)?.id).toBe(token.id);
  // Looked for is not let in.
  expect(lastUsed(before)).toBeNull();
  before.noteUse(token);
  expect(lastUsed(new AccessTokens(database))).toBe(lastUsed(before));
  expect(lastUsed(before)).toEqual(expect.any(Number));
});

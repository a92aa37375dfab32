import { loadCrypto } from '@sealane/crypto';
import { encodeEnrolmentToken, generateEnrolmentToken, hashEnrolmentToken } from '@sealane/crypto/admission';
import { readTextFile } from '@sealane/crypto/key-file';
import { SealaneError } from '@sealane/types';
import { appendTokenLine, lineOf, MAX_FILE_BYTES, readTokens } from '../admission/token-file.js';
import type { RelayDatabase } from '../database/relay-database.js';
import { loadConfiguration, type ProgramFlags } from '../load-configuration.js';
import { programSettings } from '../settings/program-settings.js';
import { withDatabase } from './database-actions.js';
import { expiryOf, usesOf } from './parse-time.js';

export interface NewTokenFlags {
  /** Milliseconds; infinite: for ever. */
  readonly expires: number;
  /** Infinite: any number. */
  readonly uses: number;
  readonly note: string;
}

interface ListedToken {
  readonly id: string;
  readonly identities: readonly string[];
  readonly uses: number | null;
  readonly expiresAtMs: number | null;
  readonly note: string;
}

/** Tokens in the database of a data directory, beside a relay that uses it; in a file where `--token-file` names one. */
interface Tokens {
  add(token: Parameters<typeof lineOf>[0]): void;
  list(): readonly ListedToken[];
  /** False where there is none. */
  revoke(id: string): boolean;
}

export async function createToken({ expires, note, ...flags }: ProgramFlags & NewTokenFlags): Promise<void> {
  await loadCrypto();
  const token = generateEnrolmentToken();
  const expiresAtMs = expiryOf(expires);
  const uses = usesOf(flags.uses);
  await withTokens(flags, (tokens) => {
    tokens.add({ id: token.id, hash: hashEnrolmentToken(token), expiresAtMs, uses, note });
  });
  const text = encodeEnrolmentToken(token);
  process.stdout.write(
    flags.json === true ? `${JSON.stringify({ id: token.id, token: text, expiresAtMs, uses })}\n` : `${text}\n`,
  );
}

export async function listTokens(flags: ProgramFlags): Promise<void> {
  await loadCrypto();
  let list: readonly ListedToken[] = [];
  await withTokens(flags, (tokens) => {
    list = tokens.list();
  });
  for (const { id, identities, uses, expiresAtMs, note } of list) {
    const until = expiresAtMs === null ? 'never' : new Date(expiresAtMs).toISOString();
    const line = `${id}  ${identities.length} of ${uses ?? 'any'}  ${until}  ${note}`.trimEnd();
    process.stdout.write(
      flags.json === true ? `${JSON.stringify({ id, identities, uses, expiresAtMs, note })}\n` : `${line}\n`,
    );
  }
}

export async function revokeToken(id: string, flags: ProgramFlags): Promise<void> {
  await loadCrypto();
  await withTokens(flags, (tokens) => {
    if (!tokens.revoke(id)) throw new SealaneError('ERR_ARGUMENT', 'there is no token of this id');
  });
}

/** @throws ERR_CONFIG, ERR_ARGUMENT, ERR_DATA_DIR, ERR_DATABASE* */
async function withTokens(flags: ProgramFlags, work: (tokens: Tokens) => void): Promise<void> {
  if (flags.tokenFile !== undefined) work(tokensOfFile(flags.tokenFile));
  else {
    const dataDir = loadConfiguration(flags).get(programSettings.dataDir);
    await withDatabase(dataDir, (database) => work(tokensOfDatabase(database)));
  }
}

function tokensOfFile(path: string): Tokens {
  const read = (): readonly ListedToken[] => readTokens(readTextFile(path, MAX_FILE_BYTES), path).list();
  return {
    add: (token) => appendTokenLine(path, lineOf(token)),
    list: read,
    revoke: (id) => {
      if (!read().some((token) => token.id === id)) return false;
      appendTokenLine(path, { revoked: id });
      return true;
    },
  };
}

function tokensOfDatabase({ enrolments, audit }: RelayDatabase): Tokens {
  const actor = 'command line';
  return {
    add: ({ id, hash, expiresAtMs, uses, note }) => {
      const facts = { label: note, maxUses: uses, expiresAt: expiresAtMs };
      enrolments.addToken({ id, hash, ...facts, createdAt: Date.now(), createdBy: actor });
      audit.record({ actor, action: 'enrolment.new', subject: id, details: { uses, expiresAtMs, note } });
    },
    list: () => {
      const held = enrolments.tokens().filter(({ revokedAt }) => revokedAt === null);
      const enrolled = enrolments.all();
      return held.map(({ id, maxUses, expiresAt, label }) => ({
        id,
        identities: enrolled.filter(({ token }) => token === id).map(({ identity }) => identity),
        uses: maxUses,
        expiresAtMs: expiresAt,
        note: label,
      }));
    },
    revoke: (id) => {
      if (enrolments.revokeToken(id, Date.now()) === undefined) return false;
      audit.record({ actor, action: 'enrolment.revoke', subject: id });
      return true;
    },
  };
}

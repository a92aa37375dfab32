import { loadCrypto } from '@sealane/crypto';
import { encodeEnrolmentToken, generateEnrolmentToken, hashEnrolmentToken } from '@sealane/crypto/admission';
import { SealaneError } from '@sealane/types';
import { appendTokenLine, lineOf, readTokens } from '../admission/token-file.js';
import { readBoundedFile } from '../admission/watched-file.js';
import { usageError } from '../error-line.js';

/** Options of the program that count here too. */
export interface TokenFlags {
  readonly tokenFile?: string;
  readonly json?: true;
}

export interface NewTokenFlags {
  /** Milliseconds; null: for ever. */
  readonly expires: number | null;
  readonly uses: number | null;
  readonly note: string;
}

export async function createToken({ expires, uses, note, json, ...flags }: TokenFlags & NewTokenFlags): Promise<void> {
  const tokenFile = tokenFileOf(flags);
  await loadCrypto();
  const token = generateEnrolmentToken();
  const expiresAtMs = expires === null ? null : Date.now() + expires;
  appendTokenLine(tokenFile, lineOf({ id: token.id, hash: hashEnrolmentToken(token), expiresAtMs, uses, note }));
  const text = encodeEnrolmentToken(token);
  process.stdout.write(
    json === true ? `${JSON.stringify({ id: token.id, token: text, expiresAtMs, uses })}\n` : `${text}\n`,
  );
}

export async function listTokens({ json, ...flags }: TokenFlags): Promise<void> {
  const tokenFile = tokenFileOf(flags);
  await loadCrypto();
  for (const { id, identities, uses, expiresAtMs, note } of readTokens(
    await readBoundedFile(tokenFile),
    tokenFile,
  ).list()) {
    const until = expiresAtMs === null ? 'never' : new Date(expiresAtMs).toISOString();
    const line = `${id}  ${identities.length} of ${uses ?? 'any'}  ${until}  ${note}`.trimEnd();
    process.stdout.write(
      json === true ? `${JSON.stringify({ id, identities, uses, expiresAtMs, note })}\n` : `${line}\n`,
    );
  }
}

export async function revokeToken(id: string, flags: TokenFlags): Promise<void> {
  const tokenFile = tokenFileOf(flags);
  await loadCrypto();
  const isThere = readTokens(await readBoundedFile(tokenFile), tokenFile)
    .list()
    .some((token) => token.id === id);
  if (!isThere) throw new SealaneError('ERR_ARGUMENT', 'there is no token of this id');
  appendTokenLine(tokenFile, { revoked: id });
}

function tokenFileOf({ tokenFile }: TokenFlags): string {
  if (tokenFile === undefined) throw usageError('give --token-file FILE, the file that the relay was given');
  return tokenFile;
}

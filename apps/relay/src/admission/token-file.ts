import { closeSync, fsyncSync, openSync, statSync, writeSync } from 'node:fs';
import type { EnrolmentToken } from '@sealane/crypto/admission';
import { encodeId, parseId } from '@sealane/crypto/credential';
import { type Enrolment, MemoryTokenStore, type TokenRecord, type TokenStore } from '@sealane/server/policy';
import { isSealaneError, SealaneError } from '@sealane/types';

/** One line of a token file: a token, an identity that one enrolled, or the end of a token. */
type Line =
  | {
      readonly token: string;
      readonly hash: string;
      readonly expiresAtMs: number | null;
      readonly uses: number | null;
      readonly note: string;
    }
  | { readonly enrolled: string; readonly by: string }
  | { readonly revoked: string };

/** Tokens in a file that only grows: `sealane-relay token` writes tokens and their ends to it, the relay whom they enrolled. */
export class TokenFile implements TokenStore {
  readonly #path: string;
  #tokens = new MemoryTokenStore();
  #onChange: (identity: string) => void = () => undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Takes the whole text of the file in place of what was there. Throws ERR_CONFIG, and changes nothing then. */
  replace(text: string): void {
    // Something was added while it was read: it is read once more.
    if (statSync(this.#path).size !== Buffer.byteLength(text)) return;
    const tokens = readTokens(text, this.#path);
    const before = new Set(this.#tokens.list().flatMap(({ identities }) => identities));
    this.#tokens = tokens;
    const after = new Set(tokens.list().flatMap(({ identities }) => identities));
    for (const identity of before) if (!after.has(identity)) this.#onChange(identity);
    for (const identity of after) if (!before.has(identity)) this.#onChange(identity);
  }

  add(record: TokenRecord): void {
    this.#tokens.add(record);
    appendTokenLine(this.#path, lineOf(record));
  }

  revoke(id: string): boolean {
    const identities = this.#tokens.list().find((token) => token.id === id)?.identities ?? [];
    if (!this.#tokens.revoke(id)) return false;
    appendTokenLine(this.#path, { revoked: id });
    for (const identity of identities) this.#onChange(identity);
    return true;
  }

  list(): ReturnType<MemoryTokenStore['list']> {
    return this.#tokens.list();
  }

  /** An enrolment is on the disk before it counts: a token with one use is used up for good. */
  enrol(token: EnrolmentToken, identity: string, nowMs: number): Enrolment {
    const isKnown = this.#tokens.isEnrolled(identity);
    const enrolment = this.#tokens.enrol(token, identity, nowMs);
    if (enrolment !== 'enrolled' || isKnown) return enrolment;
    try {
      appendTokenLine(this.#path, { enrolled: identity, by: token.id });
    } catch (error) {
      this.#tokens.remove(identity);
      throw error;
    }
    this.#onChange(identity);
    return enrolment;
  }

  isEnrolled(identity: string): boolean {
    return this.#tokens.isEnrolled(identity);
  }

  watch(onChange: (identity: string) => void): void {
    this.#onChange = onChange;
  }
}

export function lineOf({ id, hash, expiresAtMs, uses, note }: TokenRecord): Line {
  return { token: id, hash: Buffer.from(hash).toString('hex'), expiresAtMs, uses, note };
}

/** Whole on the disk when it returns. The file is made if missing, for its user alone. Throws ERR_CONFIG. */
export function appendTokenLine(path: string, line: Line): void {
  try {
    const file = openSync(path, 'a', 0o600);
    try {
      writeSync(file, `${JSON.stringify(line)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new SealaneError('ERR_CONFIG', `${path} cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

/** Throws ERR_CONFIG with the number of a line that is none. A line that is not finished yet is left for the next look. */
export function readTokens(text: string, path: string): MemoryTokenStore {
  const tokens = new MemoryTokenStore();
  const lines = text.split('\n');
  lines.pop();
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    try {
      apply(tokens, parseLine(line));
    } catch (error) {
      const reason = isSealaneError(error) ? error.message : 'it is no line of a token file';
      throw new SealaneError('ERR_CONFIG', `${path} line ${index + 1}: ${reason}`, { cause: error });
    }
  }
  return tokens;
}

function apply(tokens: MemoryTokenStore, line: Line): void {
  if ('enrolled' in line) tokens.restore(line.by, line.enrolled);
  else if ('revoked' in line) tokens.revoke(line.revoked);
  else {
    const { token, hash, expiresAtMs, uses, note } = line;
    tokens.add({ id: token, hash: Buffer.from(hash, 'hex'), expiresAtMs, uses, note });
  }
}

function parseLine(text: string): Line {
  const line: unknown = JSON.parse(text);
  if (typeof line !== 'object' || line === null) throw wrong();
  const { token, hash, expiresAtMs, uses, note, enrolled, by, revoked } = line as Readonly<Record<string, unknown>>;
  if (isTokenId(revoked)) return { revoked };
  if (typeof enrolled === 'string' && isTokenId(by)) return { enrolled: encodeId(parseId(enrolled)), by };
  const isCount = (value: unknown): value is number | null =>
    value === null || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0);
  if (!isTokenId(token) || typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) throw wrong();
  if (!isCount(expiresAtMs) || !isCount(uses) || typeof note !== 'string') throw wrong();
  return { token, hash, expiresAtMs, uses, note };
}

function isTokenId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{16}$/.test(value);
}

function wrong(): SealaneError {
  return new SealaneError('ERR_CONFIG', 'it is no line of a token file');
}

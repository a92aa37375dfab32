import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Clock, systemClock } from '@sealane/types';
import type { AccessRole, AccessToken } from '../database/access-token-repository.js';
import type { RelayDatabase } from '../database/relay-database.js';
import { ApiError } from './api-error.js';

/** Every request is compared with all of them. */
const MAX_USABLE = 1_000;
const SECRET_BYTES = 32;
/** A program that asks all the time is a write in this time. */
const NOTE_EVERY_MS = 60_000;
const pattern = /^sealane_admin_[A-Za-z0-9_-]{43}$/;

export interface AccessTokenOptions {
  readonly role: AccessRole;
  /** What it is for. */
  readonly label: string;
  /** Unix milliseconds; null: until it is revoked. */
  readonly expiresAt: number | null;
  readonly createdBy: string;
}

/** Tokens of the admin listener. The database has their hashes alone. */
export class AccessTokens {
  readonly #database: RelayDatabase;
  readonly #clock: Clock;
  /** Unix milliseconds, by id; of this process alone. */
  readonly #lastUsed = new Map<string, number>();
  /** What of that is in the database. */
  readonly #noted = new Map<string, number>();
  #usable: readonly (AccessToken & { readonly hash: Uint8Array })[] = [];
  /** Hears of every token that does not hold any more because somebody said so. */
  onRevoked: (id: string) => void = () => undefined;

  constructor(database: RelayDatabase, clock: Clock = systemClock) {
    this.#database = database;
    this.#clock = clock;
    this.refresh();
  }

  /** Reads them again. @throws ERR_DATABASE* */
  refresh(): void {
    this.#usable = this.#database.accessTokens.usable(this.#clock.wallMs());
  }

  /** The token with this text, if it holds. Takes the same time for whatever is not one. */
  find(text: string): AccessToken | undefined {
    const hash = hashOf(text);
    const nowMs = this.#clock.wallMs();
    let found: AccessToken | undefined;
    for (const token of this.#usable) if (timingSafeEqual(token.hash, hash)) found = token;
    return found === undefined || !holds(found, nowMs) ? undefined : found;
  }

  /** It let somebody in. */
  noteUse({ id }: Pick<AccessToken, 'id'>): void {
    const nowMs = this.#clock.wallMs();
    this.#lastUsed.set(id, nowMs);
    if (nowMs - (this.#noted.get(id) ?? Number.NEGATIVE_INFINITY) < NOTE_EVERY_MS) return;
    this.#noted.set(id, nowMs);
    try {
      this.#database.accessTokens.noteUse(id, nowMs);
    } catch {
      // A full disk is told by what has to be kept; who asks why is not to be kept out by it.
    }
  }

  /** Unix milliseconds; null: never. */
  lastUsedMs({ id, lastUsedAt }: Pick<AccessToken, 'id' | 'lastUsedAt'>): number | null {
    return this.#lastUsed.get(id) ?? lastUsedAt;
  }

  isUsable(id: string): boolean {
    const nowMs = this.#clock.wallMs();
    return this.#usable.some((token) => token.id === id && holds(token, nowMs));
  }

  /** The text is told once and kept nowhere. @throws ApiError CONFLICT, ERR_DATABASE* */
  create({ role, label, expiresAt, createdBy }: AccessTokenOptions): {
    readonly token: AccessToken;
    readonly text: string;
  } {
    this.refresh();
    if (this.#usable.length >= MAX_USABLE) throw new ApiError('CONFLICT', `there are ${MAX_USABLE} tokens already`);
    const text = `sealane_admin_${randomBytes(SECRET_BYTES).toString('base64url')}`;
    const id = randomBytes(8).toString('hex');
    const createdAt = this.#clock.wallMs();
    this.#database.accessTokens.add({ id, hash: hashOf(text), role, label, createdAt, createdBy, expiresAt });
    this.refresh();
    return { token: { id, role, label, createdAt, createdBy, expiresAt, revokedAt: null, lastUsedAt: null }, text };
  }

  /** Oldest first, those that do not hold any more among them. */
  list(): readonly AccessToken[] {
    return this.#database.accessTokens.list();
  }

  /** It holds no longer when this returns; false if there is none, or it was revoked before. @throws ERR_DATABASE* */
  revoke(id: string): boolean {
    const isRevoked = this.#database.accessTokens.revoke(id, this.#clock.wallMs());
    this.refresh();
    this.#lastUsed.delete(id);
    this.#noted.delete(id);
    if (isRevoked) this.onRevoked(id);
    return isRevoked;
  }
}

/** Has the form of a token; says nothing about whether it is one. */
export function isTokenText(text: string): boolean {
  return pattern.test(text);
}

function holds({ expiresAt }: AccessToken, nowMs: number): boolean {
  return expiresAt === null || expiresAt > nowMs;
}

/** A secret of 256 random bits needs no slow hash. */
function hashOf(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}

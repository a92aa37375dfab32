import { bytesEqual } from '@sealane/crypto';
import { type EnrolmentToken, hashEnrolmentToken } from '@sealane/crypto/admission';
import { SealaneError } from '@sealane/types';
import type { Awaitable } from '../lease-store.js';
import type { Enrolment } from './admission.js';

/** What is kept of an enrolment token: never the token. */
export interface TokenRecord {
  /** 16 hex digits. */
  readonly id: string;
  /** `hashEnrolmentToken`, 32 bytes. */
  readonly hash: Uint8Array;
  /** Unix milliseconds after which it enrols nobody; null: never. Who is enrolled stays so. */
  readonly expiresAtMs: number | null;
  /** Identities that it may enrol; null: any number. */
  readonly uses: number | null;
  readonly note: string;
}

export interface TokenState extends TokenRecord {
  /** Identities that it enrolled. */
  readonly identities: readonly string[];
}

/**
 * Enrolment tokens and whom they enrolled. Every method is one atomic step. An identity belongs to the token that
 * enrolled it: with it, it loses its place.
 */
export interface TokenStore {
  /** @throws ERR_ARGUMENT where there is one of this id */
  add(record: TokenRecord): Awaitable<void>;
  /** Ends the token and the enrolments by it; false where there is none. */
  revoke(id: string): Awaitable<boolean>;
  list(): Awaitable<readonly TokenState[]>;
  /** Counts one use, unless the identity is enrolled already. */
  enrol(token: EnrolmentToken, identity: string, nowMs: number): Awaitable<Enrolment>;
  isEnrolled(identity: string): Awaitable<boolean>;
  /** Calls back with every identity that was enrolled, or is no more. */
  watch(onChange: (identity: string) => void): void;
}

interface HeldToken {
  readonly record: TokenRecord;
  readonly identities: Set<string>;
}

/** Beyond it nobody is enrolled: what strangers could fill has an end. */
const MAX_ENROLLED = 100_000;

/** Tokens in the memory of one process. */
export class MemoryTokenStore implements TokenStore {
  readonly #tokens = new Map<string, HeldToken>();
  readonly #enrolledBy = new Map<string, HeldToken>();
  #onChange: (identity: string) => void = () => undefined;

  add(record: TokenRecord): void {
    if (this.#tokens.has(record.id)) throw new SealaneError('ERR_ARGUMENT', 'there is a token of this id');
    this.#tokens.set(record.id, { record, identities: new Set() });
  }

  revoke(id: string): boolean {
    const token = this.#tokens.get(id);
    if (token === undefined) return false;
    this.#tokens.delete(id);
    for (const identity of token.identities) this.#enrolledBy.delete(identity);
    for (const identity of token.identities) this.#onChange(identity);
    return true;
  }

  list(): readonly TokenState[] {
    return [...this.#tokens.values()].map(({ record, identities }) => ({ ...record, identities: [...identities] }));
  }

  enrol(token: EnrolmentToken, identity: string, nowMs: number): Enrolment {
    const held = this.#tokens.get(token.id);
    // The id is no secret, and finds what to compare with; the comparison takes the same time for every token.
    if (held === undefined || !bytesEqual(held.record.hash, hashEnrolmentToken(token))) return 'unknown';
    if (this.#enrolledBy.has(identity)) return 'enrolled';
    const { expiresAtMs, uses } = held.record;
    if (expiresAtMs !== null && nowMs >= expiresAtMs) return 'expired';
    if (uses !== null && held.identities.size >= uses) return 'used-up';
    if (this.#enrolledBy.size >= MAX_ENROLLED) return 'used-up';
    this.restore(token.id, identity);
    this.#onChange(identity);
    return 'enrolled';
  }

  isEnrolled(identity: string): boolean {
    return this.#enrolledBy.has(identity);
  }

  watch(onChange: (identity: string) => void): void {
    this.#onChange = onChange;
  }

  /** Takes an enrolment back that could not be kept; its use is given back. */
  remove(identity: string): boolean {
    this.#enrolledBy.get(identity)?.identities.delete(identity);
    return this.#enrolledBy.delete(identity);
  }

  /** Puts an enrolment back that was kept elsewhere; false where the token is gone. */
  restore(tokenId: string, identity: string): boolean {
    const held = this.#tokens.get(tokenId);
    if (held === undefined || this.#enrolledBy.has(identity)) return false;
    held.identities.add(identity);
    this.#enrolledBy.set(identity, held);
    return true;
  }
}

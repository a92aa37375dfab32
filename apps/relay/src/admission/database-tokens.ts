import { type EnrolmentToken, hashEnrolmentToken } from '@sealane/crypto/admission';
import type { Enrolment, TokenRecord, TokenState, TokenStore } from '@sealane/server/policy';
import { RelayCode, relayError, SealaneError } from '@sealane/types';
import type { EnrolmentToken as StoredToken } from '../database/enrolment-repository.js';
import type { RelayDatabase } from '../database/relay-database.js';
import { describeError } from '../error-line.js';

/** Who made a token that came from a file. */
const FROM_FILE = 'token file';
/** Beyond it nobody is enrolled: what strangers could fill has an end. */
const MAX_ENROLLED = 100_000;
/** Who is seen later than that after its enrolment is there to stay: the identities of one-time addresses are not. */
const FIRST_DAY_MS = 86_400_000;

/** Enrolment tokens and whom they enrolled, in the relay's database. Nothing is asked of it in the middle of a request. */
export class DatabaseTokens implements TokenStore {
  readonly #database: RelayDatabase;
  readonly #onFault: (message: string) => void;
  /** Identities and their tokens. */
  readonly #enrolled = new Map<string, string>();
  /** When those came in that were not seen after their first day. */
  readonly #brief = new Map<string, number>();
  #onChange: (identity: string) => void = () => undefined;
  /** An identity came in with a token. */
  onEnrolled: (identity: string, tokenId: string) => void = () => undefined;

  constructor(database: RelayDatabase, onFault: (message: string) => void) {
    this.#database = database;
    this.#onFault = onFault;
    for (const { identity, token, enrolledAt, isBrief } of database.enrolments.all()) {
      this.#enrolled.set(identity, token);
      if (isBrief === 1) this.#brief.set(identity, enrolledAt);
    }
  }

  /** @throws ERR_ARGUMENT where there is one of this id, ERR_DATABASE* */
  async add({ id, hash, expiresAtMs, uses, note }: TokenRecord, by = ''): Promise<void> {
    const { enrolments } = this.#database;
    if (enrolments.tokens().some((token) => token.id === id)) {
      throw new SealaneError('ERR_ARGUMENT', 'there is a token of this id');
    }
    const createdAt = Date.now();
    enrolments.addToken({
      id,
      hash,
      label: note,
      maxUses: uses,
      createdAt,
      createdBy: by,
      expiresAt: expiresAtMs,
    });
    await this.#database.durable();
  }

  /** It acts at once, and is on the disk when it resolves. @throws ERR_DATABASE* */
  async revoke(id: string): Promise<boolean> {
    const identities = this.#database.enrolments.revokeToken(id, Date.now());
    if (identities === undefined) return false;
    this.#dismiss(identities);
    await this.#database.durable();
    return true;
  }

  /** Those that hold, the oldest first, without their hashes. @throws ERR_DATABASE* */
  list(): readonly TokenState[] {
    const identities = new Map<string, string[]>();
    for (const [identity, token] of this.#enrolled) {
      const ofToken = identities.get(token);
      if (ofToken === undefined) identities.set(token, [identity]);
      else ofToken.push(identity);
    }
    return this.#held().map(({ id, label, maxUses, expiresAt }) => ({
      id,
      hash: new Uint8Array(0),
      expiresAtMs: expiresAt,
      uses: maxUses,
      note: label,
      identities: identities.get(id) ?? [],
    }));
  }

  /** An enrolment is on the disk before it counts: a token with one use is used up for good. @throws ERR_RELAY_BUSY */
  async enrol(token: EnrolmentToken, identity: string, nowMs: number): Promise<Enrolment> {
    try {
      if (this.#enrolled.size >= MAX_ENROLLED && !this.#enrolled.has(identity)) return 'used-up';
      const redeemed = this.#database.enrolments.redeem(token.id, hashEnrolmentToken(token), identity, nowMs);
      if (!redeemed.ok) return redeemed.reason === 'revoked' ? 'unknown' : redeemed.reason;
      await this.#database.durable();
      if (this.#enrolled.has(identity)) return 'enrolled';
      // The token may have been revoked meanwhile.
      if (this.#database.enrolments.find(identity) === undefined) return 'unknown';
      this.#enrolled.set(identity, redeemed.enrolment.token);
      this.#brief.set(identity, redeemed.enrolment.enrolledAt);
    } catch (error) {
      this.#onFault(describeError(error));
      throw relayError(RelayCode.BUSY, 'the relay cannot enrol anybody now');
    }
    this.onEnrolled(identity, token.id);
    this.#onChange(identity);
    return 'enrolled';
  }

  isEnrolled(identity: string): boolean {
    const sinceMs = this.#brief.get(identity);
    if (sinceMs !== undefined && Date.now() - sinceMs > FIRST_DAY_MS) this.#keep(identity);
    return this.#enrolled.has(identity);
  }

  /** The database has forgotten them: they are enrolled no more. */
  forget(identities: readonly string[]): void {
    this.#dismiss(identities);
  }

  watch(onChange: (identity: string) => void): void {
    this.#onChange = onChange;
  }

  /**
   * Takes over the tokens of a file and whom they enrolled, as often as it is read: what is known already stays as it is,
   * and a token that is not in the file any more is revoked, if it came from one. True if something changed.
   * @throws ERR_DATABASE*
   */
  takeOver(file: readonly TokenState[]): boolean {
    const { enrolments } = this.#database;
    const nowMs = Date.now();
    const added: string[] = [];
    const removed: string[] = [];
    const isChanged = this.#database.transaction(() => {
      const known = new Map(enrolments.tokens().map((token) => [token.id, token]));
      const fresh = file.filter(({ id }) => !known.has(id));
      for (const { id, hash, note, uses, expiresAtMs } of fresh) {
        const terms = { label: note, maxUses: uses, expiresAt: expiresAtMs, createdAt: nowMs, createdBy: FROM_FILE };
        enrolments.addToken({ id, hash, ...terms });
      }
      for (const { id, identities } of file) {
        added.push(...identities.filter((identity) => enrolments.restore(id, identity, nowMs)));
      }
      const inFile = new Set(file.map(({ id }) => id));
      const gone = [...known.values()].filter(
        ({ id, createdBy, revokedAt }) => createdBy === FROM_FILE && revokedAt === null && !inFile.has(id),
      );
      for (const { id } of gone) removed.push(...(enrolments.revokeToken(id, nowMs) ?? []));
      return fresh.length + gone.length + added.length > 0;
    });
    for (const identity of added) this.#enrolled.set(identity, enrolments.find(identity)?.token ?? '');
    this.#dismiss(removed);
    for (const identity of added) this.#onChange(identity);
    return isChanged;
  }

  /** Takes what another process has written: tokens that it revoked. @throws ERR_DATABASE* */
  refresh(): void {
    const held = new Set(this.#held().map(({ id }) => id));
    this.#dismiss([...this.#enrolled].filter(([, token]) => !held.has(token)).map(([identity]) => identity));
  }

  #held(): readonly StoredToken[] {
    return this.#database.enrolments.tokens().filter(({ revokedAt }) => revokedAt === null);
  }

  #keep(identity: string): void {
    try {
      this.#database.enrolments.keep(identity);
      this.#brief.delete(identity);
    } catch (error) {
      this.#onFault(describeError(error));
    }
  }

  #dismiss(identities: readonly string[]): void {
    for (const identity of identities) {
      this.#enrolled.delete(identity);
      this.#brief.delete(identity);
    }
    for (const identity of identities) this.#onChange(identity);
  }
}

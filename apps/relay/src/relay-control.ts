import { encodeEnrolmentToken, generateEnrolmentToken, hashEnrolmentToken } from '@sealane/crypto/admission';
import { encodeId, parseId } from '@sealane/crypto/credential';
import type { Ban, BanKind, BanOptions, RelayServer } from '@sealane/server';
import type { TokenState } from '@sealane/server/policy';
import { isService, SealaneError } from '@sealane/types';
import type { LiveAdmission } from './admission/live-admission.js';
import { type Approval, type ApprovalState, EVERY_SERVICE } from './database/approval-repository.js';
import type { AuditEntry, AuditQuery, NewAuditEntry } from './database/audit-log.js';
import { backupInOtherProcess } from './database/backup.js';
import type { RelayDatabase } from './database/relay-database.js';
import type { Configuration, SettingEntry, SettingsChange } from './settings/configuration.js';

export interface RelayControlParts {
  readonly relay: RelayServer;
  readonly admission: LiveAdmission;
  readonly configuration: Configuration;
  readonly database: RelayDatabase;
  readonly dataDir: string;
}

/** Whom a decision concerns. */
export interface ApprovalTarget {
  /** Text id, as its owner wrote it. */
  readonly identity: string;
  /** Undefined: all that the identity does, also as a dialer. */
  readonly service?: string | undefined;
}

export interface NewEnrolmentToken {
  /** Identities that it enrols; null: any number. */
  readonly uses: number | null;
  /** Unix milliseconds; null: never. */
  readonly expiresAtMs: number | null;
  readonly note: string;
}

export interface IssuedEnrolmentToken extends NewEnrolmentToken {
  /** What lists and revocations name; no secret. */
  readonly id: string;
  /** The secret, told once. */
  readonly token: string;
}

const MAX_REASON_LENGTH = 200;
const MAX_NOTE_LENGTH = 200;
const MAX_USES = 999_999_999;

/**
 * What an operator does with a relay that runs, whatever the way in: it acts at once, is on the disk and in the audit log
 * under the name of who did it when the promise resolves, and throws ERR_ARGUMENT, ERR_ID_INVALID for what makes no sense
 * and ERR_DATABASE* where it cannot be kept. `by` is that name: a token's id, `SIGHUP`.
 */
export class RelayControl {
  readonly #parts: RelayControlParts;

  constructor(parts: RelayControlParts) {
    this.#parts = parts;
  }

  /** The longest waiting first. Of `pending` those that ask since a restart, or did before it and were not answered. */
  approvals(state?: ApprovalState): readonly Approval[] {
    return this.#parts.admission.approvals.list(state);
  }

  async approve(target: ApprovalTarget, by: string): Promise<Approval> {
    const decided = await this.#parts.admission.approvals.decide('approved', { ...checkedTarget(target), by });
    await this.#record({ actor: by, action: 'approve', subject: subjectOf(decided) });
    return decided;
  }

  /** What it has open ends, and what waits is refused, with the reason. */
  async deny(target: ApprovalTarget, reason: string, by: string): Promise<Approval> {
    const text = checkedText(reason, 'reason', MAX_REASON_LENGTH);
    const decision = { ...checkedTarget(target), reason: text, by };
    const decided = await this.#parts.admission.approvals.decide('denied', decision);
    await this.#record({ actor: by, action: 'deny', subject: subjectOf(decided), details: { reason: text } });
    return decided;
  }

  /** Takes a decision back: what it let in ends at once and waits again. False if there was none. */
  async withdraw(target: ApprovalTarget, by: string): Promise<boolean> {
    const { identity, service } = checkedTarget(target);
    if (!(await this.#parts.admission.approvals.withdraw(identity, service))) return false;
    const subject = subjectOf({ identity, service: service ?? EVERY_SERVICE });
    await this.#record({ actor: by, action: 'approval.withdraw', subject });
    return true;
  }

  /** Those that hold, with whom they enrolled. */
  enrolmentTokens(): readonly Omit<TokenState, 'hash'>[] {
    return this.#parts.admission.tokens.list().map(({ hash: _, ...token }) => token);
  }

  async createEnrolmentToken(terms: NewEnrolmentToken, by: string): Promise<IssuedEnrolmentToken> {
    const { uses, expiresAtMs } = terms;
    if (uses !== null && !(Number.isSafeInteger(uses) && uses >= 1 && uses <= MAX_USES)) {
      throw new SealaneError('ERR_ARGUMENT', `uses is a number from 1 to ${MAX_USES}, or null`);
    }
    if (expiresAtMs !== null && !(Number.isSafeInteger(expiresAtMs) && expiresAtMs > Date.now())) {
      throw new SealaneError('ERR_ARGUMENT', 'the time until which a token enrols has passed, or is none');
    }
    const note = checkedText(terms.note, 'note', MAX_NOTE_LENGTH);
    const token = generateEnrolmentToken();
    const record = { id: token.id, hash: hashEnrolmentToken(token), uses, expiresAtMs, note };
    await this.#parts.admission.tokens.add(record, by);
    await this.#record({ actor: by, action: 'enrolment.new', subject: token.id, details: { uses, expiresAtMs, note } });
    return { id: token.id, token: encodeEnrolmentToken(token), uses, expiresAtMs, note };
  }

  /** Ends the token and everybody whom it enrolled. False if there is none. */
  async revokeEnrolmentToken(id: string, by: string): Promise<boolean> {
    if (!(await this.#parts.admission.tokens.revoke(id))) return false;
    await this.#record({ actor: by, action: 'enrolment.revoke', subject: id });
    return true;
  }

  bans(): readonly Ban[] {
    return this.#parts.relay.bans.list();
  }

  async ban(options: Omit<BanOptions, 'createdBy'>, by: string): Promise<Ban> {
    const ban = await this.#parts.relay.bans.add({ ...options, createdBy: by });
    const { kind, value, reason, expiresAtMs } = ban;
    await this.#record({ actor: by, action: 'ban', subject: `${kind} ${value}`, details: { reason, expiresAtMs } });
    return ban;
  }

  /** False if there was none. */
  async unban(kind: BanKind, value: string, by: string): Promise<boolean> {
    if (!(await this.#parts.relay.bans.remove(kind, value))) return false;
    await this.#record({ actor: by, action: 'unban', subject: `${kind} ${value}` });
    return true;
  }

  /** It does not come back by itself. False if there is no such session. */
  async endSession(session: number, by: string): Promise<boolean> {
    if (!this.#parts.relay.operations.endSession(session)) return false;
    await this.#record({ actor: by, action: 'session.end', subject: String(session) });
    return true;
  }

  /** Those of an identity, or of one of its services. Their owner is told the reason and gives up. False if there was none. */
  async endLeases({ identity, service }: ApprovalTarget, reason: string, by: string): Promise<boolean> {
    const target = checkedTarget({ identity, service });
    const text = checkedText(reason, 'reason', MAX_REASON_LENGTH);
    if (this.#parts.relay.operations.endLeases(target.identity, service, text) === 0) return false;
    const subject = subjectOf({ identity: target.identity, service: service ?? EVERY_SERVICE });
    await this.#record({ actor: by, action: 'lease.end', subject, details: { reason: text } });
    return true;
  }

  settings(): readonly SettingEntry[] {
    return this.#parts.configuration.entries();
  }

  /** @throws ERR_CONFIG for what is no setting, needs a restart, is no value of it or does not fit the others */
  async setSetting(path: string, value: unknown, by: string): Promise<SettingsChange> {
    const { configuration } = this.#parts;
    const change = configuration.set(path, value, by);
    const isSecret = configuration.entries().some(({ setting }) => setting.path === path && setting.isSecret === true);
    const details = { value: isSecret ? '(set)' : value };
    await this.#record({ actor: by, action: 'settings.set', subject: path, details });
    return change;
  }

  /** File, environment, flags or the default hold again. @throws ERR_CONFIG */
  async unsetSetting(path: string, by: string): Promise<SettingsChange> {
    const change = this.#parts.configuration.unset(path);
    await this.#record({ actor: by, action: 'settings.unset', subject: path });
    return change;
  }

  /** Reads file and stored settings again. @throws ERR_CONFIG, and then nothing has changed */
  async reload(by: string): Promise<SettingsChange> {
    const change = this.#parts.configuration.reload();
    await this.#record({ actor: by, action: 'settings.reload', subject: '', details: { ...change } });
    return change;
  }

  /** A copy of the database, made while the relay serves. @throws ERR_DATABASE with what went wrong */
  async backup(file: string, by: string): Promise<void> {
    await backupInOtherProcess(this.#parts.dataDir, file);
    await this.#record({ actor: by, action: 'backup', subject: file });
  }

  /** The newest first. */
  audit(query?: AuditQuery): readonly AuditEntry[] {
    return this.#parts.database.audit.list(query);
  }

  async #record(entry: NewAuditEntry): Promise<void> {
    const { audit } = this.#parts.database;
    audit.record(entry);
    await audit.flush();
  }
}

function checkedTarget({ identity, service }: ApprovalTarget): ApprovalTarget {
  if (service !== undefined && !isService(service)) {
    throw new SealaneError('ERR_ARGUMENT', `${JSON.stringify(service)} is not a service`);
  }
  return { identity: encodeId(parseId(identity)), service };
}

/** Control characters become spaces: it is shown in terminals. */
function checkedText(text: string, what: string, most: number): string {
  if (text.length > most) throw new SealaneError('ERR_ARGUMENT', `a ${what} has at most ${most} characters`);
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, ' ').trim();
}

function subjectOf({ identity, service }: Pick<Approval, 'identity' | 'service'>): string {
  return service === EVERY_SERVICE ? identity : `${identity}/${service}`;
}

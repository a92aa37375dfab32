import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, SealaneError, systemClock } from '@sealane/types';
import { AccessTokenRepository } from './access-token-repository.js';
import { ApprovalRepository, EVERY_SERVICE } from './approval-repository.js';
import { AuditLog } from './audit-log.js';
import { BanRepository } from './ban-repository.js';
import { Checkpointer, SELF_CHECKPOINT_PAGES } from './checkpointer.js';
import { databaseError } from './database-error.js';
import { EnrolmentRepository } from './enrolment-repository.js';
import { NameRepository } from './name-repository.js';
import { assertUsable, migrate, SCHEMA_VERSION } from './schema.js';
import { SettingsRepository } from './settings-repository.js';
import { openDriver, type SqlDriver, type SqlDriverName } from './sql-driver.js';
import { SqlSession } from './sql-session.js';
import { TicketRepository } from './ticket-repository.js';
import { WalSync } from './wal-sync.js';

/** In the data directory. */
export const DATABASE_FILE = 'relay.db';

const PENDING_KEPT_MS = 30 * 86_400_000;

export interface RelayDatabaseOptions {
  readonly clock?: Clock;
  /** A relay may be using it: it is not brought to this version, and must have it. */
  readonly isShared?: boolean;
  /** For tests: the library to use. */
  readonly driver?: SqlDriverName;
}

/**
 * What a relay keeps over restarts, in `relay.db` of its data directory. The functions of the repositories are
 * synchronous (a write costs the event loop some tens of microseconds) and atomic; a write survives a killed process when
 * its function returns, and a power cut when {@link durable} has resolved after it. So: write, `await durable()`, answer.
 * @example
 * database.bans.add({ kind: 'id', value: id, reason, createdAt: Date.now(), createdBy: 'admin', expiresAt: null });
 * await database.durable();
 */
export class RelayDatabase implements AsyncDisposable {
  readonly file: string;
  readonly names: NameRepository;
  readonly bans: BanRepository;
  readonly approvals: ApprovalRepository;
  readonly enrolments: EnrolmentRepository;
  readonly accessTokens: AccessTokenRepository;
  readonly tickets: TicketRepository;
  readonly audit: AuditLog;
  readonly settings: SettingsRepository;
  readonly #driver: SqlDriver;
  readonly #session: SqlSession;
  readonly #sync: WalSync;
  readonly #checkpointer: Checkpointer;
  readonly #clock: Clock;
  #isClosed = false;

  private constructor(driver: SqlDriver, file: string, clock: Clock) {
    this.file = file;
    this.#driver = driver;
    this.#session = new SqlSession(driver, file);
    this.#sync = new WalSync(file);
    this.#checkpointer = new Checkpointer(file, driver.name);
    this.#sync.onFlush = () => this.#checkpointer.look();
    this.#clock = clock;
    this.names = new NameRepository(this.#session);
    this.bans = new BanRepository(this.#session);
    this.approvals = new ApprovalRepository(this.#session);
    this.enrolments = new EnrolmentRepository(this.#session);
    this.accessTokens = new AccessTokenRepository(this.#session);
    this.tickets = new TicketRepository(this.#session);
    this.audit = new AuditLog(this.#session, clock, () => this.durable());
    this.settings = new SettingsRepository(this.#session, clock);
  }

  /**
   * Opens the database of a data directory, makes it where there is none (mode 0600), checks it and brings it to this
   * version. The caller holds the directory's lock, or only reads.
   * @throws ERR_DATABASE_CORRUPT, _VERSION (of a newer program), _READ_ONLY, _FULL, _DRIVER, ERR_DATABASE
   */
  static async open(dataDir: string, options: RelayDatabaseOptions = {}): Promise<RelayDatabase> {
    const file = join(dataDir, DATABASE_FILE);
    let driver: SqlDriver | undefined;
    try {
      // Made here, so that nobody else can read it from its first moment on; its log takes over the mode.
      // Opened for writing, because SQLite takes a file on a read-only disk for one that cannot be opened.
      closeSync(openSync(file, existsSync(file) ? 'r+' : 'wx', 0o600));
      driver = await openDriver(file, options.driver);
      prepare(driver, file, options.isShared === true);
      return new RelayDatabase(driver, file, options.clock ?? systemClock);
    } catch (error) {
      driver?.close();
      throw databaseError(error, file);
    }
  }

  get driverName(): SqlDriverName {
    return this.#driver.name;
  }

  /** All that `work` writes, or nothing of it if it throws. @throws ERR_DATABASE* */
  transaction<T>(work: () => T): T {
    return this.#session.transaction(work);
  }

  /** Resolves when all writes before the call are on the disk; many callers share one flush. @throws ERR_DATABASE */
  durable(): Promise<void> {
    return this.#sync.flushed();
  }

  /** False once it was given back. */
  get isOpen(): boolean {
    return !this.#isClosed;
  }

  /**
   * A number that is another one when another process has written something since: nearly free to ask for. What this
   * process writes does not change it.
   */
  get foreignVersion(): number {
    return Number(this.#session.get('PRAGMA data_version')?.['data_version'] ?? 0);
  }

  /**
   * Forgets what has run out, and writes it into the audit log: bans, requests for approval that nobody answered for 30
   * days, tokens, and who was enrolled longer ago than `briefMs` and not seen after its first day. Returns the last.
   * @throws ERR_DATABASE*
   */
  prune(briefMs: number = Number.POSITIVE_INFINITY): readonly string[] {
    const nowMs = this.#clock.wallMs();
    const gone = this.transaction(() => ({
      'ban.expire': this.bans.prune(nowMs).map(({ kind, value }) => `${kind} ${value}`),
      'approval.expire': this.approvals
        .prunePending(nowMs - PENDING_KEPT_MS)
        .map(({ identity, service }) => (service === EVERY_SERVICE ? identity : `${identity}/${service}`)),
      'enrolment.expire': this.enrolments.takeExpired(nowMs),
      'access-token.expire': this.accessTokens.takeExpired(nowMs),
      'identity.forget': Number.isFinite(briefMs) ? this.enrolments.pruneBrief(nowMs - briefMs) : [],
    }));
    for (const [action, subjects] of Object.entries(gone)) {
      for (const subject of subjects) this.audit.record({ actor: 'relay', action, subject });
    }
    return gone['identity.forget'];
  }

  /** How often the log was moved into the file by a thread, and what keeps it from that. */
  get checkpoints(): { readonly count: number; readonly problem: string | undefined } {
    return { count: this.#checkpointer.count, problem: this.#checkpointer.problem };
  }

  /** For tests: the database may have no more pages of 4 KiB than that, or than it has. */
  limitPages(pages: number): void {
    this.#driver.exec(`PRAGMA max_page_count = ${pages}`);
  }

  /** Writes what waits and gives the file back. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.audit.close();
    await this.#sync.close();
    await this.#checkpointer.close();
    try {
      // So that the file alone is the database; a log that stays is read at the next start.
      this.#driver.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } finally {
      this.#driver.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function prepare(driver: SqlDriver, file: string, isShared: boolean): void {
  driver.exec('PRAGMA trusted_schema = OFF');
  const version = assertUsable(driver, file);
  if (isShared && version > 0 && version < SCHEMA_VERSION) {
    throw new SealaneError(
      'ERR_DATABASE_VERSION',
      `${file} is of an older program; start the relay once with this one`,
    );
  }
  const mode = driver.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'];
  if (mode !== 'wal') throw new SealaneError('ERR_DATABASE', `${file}: its file system cannot carry a write-ahead log`);
  // The log is flushed by WalSync; SQLite itself flushes when the log is moved into the file.
  driver.exec('PRAGMA synchronous = NORMAL');
  // A thread does it long before.
  driver.exec(`PRAGMA wal_autocheckpoint = ${SELF_CHECKPOINT_PAGES}`);
  // Its length says then how much is in it.
  driver.exec('PRAGMA journal_size_limit = 0');
  driver.exec('PRAGMA foreign_keys = ON');
  migrate(driver, file);
}

import { readTextFile, watchTextFile } from '@sealane/crypto/key-file';
import {
  type AdmissionPolicy,
  type AdmissionRule,
  Allowlist,
  approval,
  createAdmissionPolicy,
  HttpCallout,
  open,
  SwitchablePolicy,
  tokens,
} from '@sealane/server/policy';
import type { RelayDatabase } from '../database/relay-database.js';
import type { Output } from '../output.js';
import { type RuleName, admissionSettings as settings } from '../settings/admission-settings.js';
import type { GetSetting } from '../settings/setting.js';
import { rulesOf } from './admission-rules.js';
import { DatabaseApprovals } from './database-approvals.js';
import { DatabaseTokens } from './database-tokens.js';
import { parseIdList } from './id-list.js';
import { MAX_FILE_BYTES, readTokens } from './token-file.js';

/** How soon what another process wrote into the database holds. */
const FOREIGN_LOOK_MS = 250;

export interface LiveAdmissionParts {
  readonly database: RelayDatabase;
  readonly output: Output;
}

/**
 * Who may use the relay, as the settings say now: rules, the files that they read, and the stores of approvals and tokens.
 * The stores are there whatever the rules are, so that an operator can decide before a rule asks. Needs loaded
 * cryptography.
 */
export class LiveAdmission {
  readonly approvals: DatabaseApprovals;
  readonly tokens: DatabaseTokens;
  readonly #parts: LiveAdmissionParts;
  readonly #policy: SwitchablePolicy;
  #stops: readonly (() => void)[] = [];
  #looking: NodeJS.Timeout | undefined;

  /** @throws ERR_CONFIG for a file that cannot be read, ERR_DATABASE* */
  constructor(get: GetSetting, parts: LiveAdmissionParts) {
    const { database, output } = parts;
    this.#parts = parts;
    this.approvals = new DatabaseApprovals(database, (message) =>
      output.trouble('APPROVALS', `who waits is not kept: ${message}`),
    );
    this.tokens = new DatabaseTokens(database, (message) => output.trouble('TOKENS', `nobody is enrolled: ${message}`));
    this.#policy = new SwitchablePolicy(createAdmissionPolicy({ require: [] }));
    this.prepare(get)();
    this.#lookAtOthers(database.foreignVersion);
  }

  get policy(): AdmissionPolicy {
    return this.#policy;
  }

  /**
   * Reads what the settings need, changes nothing, and returns what makes them hold: then whoever is not admitted any more
   * loses what is open, and nobody else notices. @throws ERR_CONFIG for a file that cannot be read, ERR_ARGUMENT
   */
  prepare(get: GetSetting): () => void {
    const rules = new Map<RuleName, AdmissionRule>([
      ['open', open()],
      ['token', tokens(this.tokens)],
      ['approval', approval(this.approvals)],
    ]);
    const files: WatchedFile[] = [];
    const allowFile = get(settings.allowFile);
    if (allowFile !== undefined) {
      const list = new Allowlist(parseIdList(readTextFile(allowFile, MAX_FILE_BYTES), allowFile));
      rules.set('allowlist', list);
      files.push({ path: allowFile, onText: (text) => list.replace(parseIdList(text, allowFile)) });
    }
    const tokenFile = get(settings.tokenFile);
    const fileTokens =
      tokenFile === undefined ? undefined : readTokens(readTextFile(tokenFile, MAX_FILE_BYTES), tokenFile).list();
    if (tokenFile !== undefined) {
      files.push({ path: tokenFile, onText: (text) => this.#takeOver(readTokens(text, tokenFile).list(), tokenFile) });
    }
    const approvedFile = get(settings.approvedFile);
    const approved =
      approvedFile === undefined ? [] : parseIdList(readTextFile(approvedFile, MAX_FILE_BYTES), approvedFile);
    if (approvedFile !== undefined) {
      files.push({
        path: approvedFile,
        onText: (text) => this.approvals.replaceListed(parseIdList(text, approvedFile)),
      });
    }
    const callout = this.#prepareCallout(get, files);
    if (callout !== undefined) rules.set('callout', callout);
    const require = rulesOf(get).map((names) => names.map((name) => rules.get(name)!));
    const policy = createAdmissionPolicy({ require, anonymousDialers: get(settings.anonymousDialers) });
    return () => {
      for (const stop of this.#stops) stop();
      this.#stops = files.map((file) => this.#watch(file));
      if (fileTokens !== undefined && tokenFile !== undefined) this.#takeOver(fileTokens, tokenFile);
      this.approvals.replaceListed(approved);
      this.#policy.replace(policy);
    };
  }

  /** Ends the looks at files and database. */
  stop(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    clearTimeout(this.#looking);
  }

  #prepareCallout(get: GetSetting, files: WatchedFile[]): HttpCallout | undefined {
    const url = get(settings.calloutUrl);
    if (url === undefined) return undefined;
    const file = get(settings.calloutTokenFile);
    let bearer = file === undefined ? undefined : readTextFile(file, MAX_FILE_BYTES).trim();
    if (file !== undefined) {
      files.push({
        path: file,
        onText: (text) => {
          bearer = text.trim();
        },
      });
    }
    return new HttpCallout({
      url,
      timeoutMs: get(settings.calloutTimeoutMs),
      onFailure: get(settings.calloutOnFailure),
      onError: (problem) => this.#parts.output.trouble('CALLOUT', `the admission service: ${problem}`),
      bearer: () => bearer,
    });
  }

  #takeOver(list: ReturnType<DatabaseTokens['list']>, path: string): void {
    if (!this.tokens.takeOver(list)) return;
    const { audit } = this.#parts.database;
    audit.record({ actor: 'file', action: 'tokens.take-over', subject: path, details: { tokens: list.length } });
  }

  #watch({ path, onText }: WatchedFile): () => void {
    const { output, database } = this.#parts;
    return watchTextFile(path, {
      maxBytes: MAX_FILE_BYTES,
      onText: (text) => {
        onText(text);
        database.audit.record({ actor: 'file', action: 'admission.file', subject: path });
      },
      onProblem: (error) => output.warning(error.code, `what was read last stays in force: ${error.message}`),
    });
  }

  /** `sealane-relay token` writes beside a relay that runs. */
  #lookAtOthers(seen: number): void {
    this.#looking = setTimeout(() => {
      const { database, output } = this.#parts;
      let version = seen;
      try {
        version = database.foreignVersion;
        if (version !== seen) {
          this.tokens.refresh();
          this.approvals.refresh();
        }
      } catch (error) {
        output.trouble('DATABASE', `what others wrote is not read: ${String(error)}`);
      }
      this.#lookAtOthers(version);
    }, FOREIGN_LOOK_MS);
    this.#looking.unref();
  }
}

interface WatchedFile {
  readonly path: string;
  /** @throws ERR_CONFIG, and changes nothing then */
  readonly onText: (text: string) => void;
}

import type { ApprovalState, ApprovalStore } from '@sealane/server/policy';
import { type Approval, EVERY_SERVICE } from '../database/approval-repository.js';
import type { RelayDatabase } from '../database/relay-database.js';
import { describeError } from '../error-line.js';

/** Requests that are kept; beyond them the oldest are forgotten, since strangers make them. */
const MAX_PENDING = 10_000;
const NOBODY = '';

export interface Decision {
  /** Text id. */
  readonly identity: string;
  /** Undefined: all that the identity does, also as a dialer. */
  readonly service?: string | undefined;
  /** Told to whom it concerns, if it is a denial. At most 200 characters. */
  readonly reason?: string | undefined;
  /** Who decides, for lists. */
  readonly by: string;
}

/**
 * What operators decided, in the relay's database, and the ids of a file of approved ones beside it. A denial here goes
 * before the file. Nothing is asked of the database in the middle of a request.
 */
export class DatabaseApprovals implements ApprovalStore {
  readonly #database: RelayDatabase;
  readonly #onFault: (message: string) => void;
  #decided = new Map<string, Approval>();
  /** Keys of requests without a decision, the oldest first. */
  #pending = new Set<string>();
  #listed: ReadonlySet<string> = new Set();
  #onChange: (id: string) => void = () => undefined;

  constructor(database: RelayDatabase, onFault: (message: string) => void) {
    this.#database = database;
    this.#onFault = onFault;
    this.#read();
  }

  stateOf(id: string, service: string): ApprovalState {
    const decision = this.#decided.get(keyOf(id, service)) ?? this.#decided.get(keyOf(id, EVERY_SERVICE));
    if (decision?.state === 'denied') return { is: 'denied', reason: decision.reason ?? '' };
    return decision !== undefined || this.#listed.has(id) ? { is: 'approved' } : { is: 'undecided' };
  }

  async approve(id: string, service?: string): Promise<void> {
    await this.decide('approved', { identity: id, service, by: NOBODY });
  }

  async deny(id: string, service?: string, reason?: string): Promise<void> {
    await this.decide('denied', { identity: id, service, reason, by: NOBODY });
  }

  /** On the disk when it resolves. A denial acts before, an approval after that. @throws ERR_DATABASE* */
  async decide(state: 'approved' | 'denied', { identity, service, reason, by }: Decision): Promise<Approval> {
    const approval = this.#database.approvals.decide({
      identity,
      service: service ?? EVERY_SERVICE,
      state,
      decidedAt: Date.now(),
      decidedBy: by,
      reason: reason ?? null,
    });
    if (state === 'approved') await this.#database.durable();
    this.#read();
    this.#onChange(identity);
    if (state === 'denied') await this.#database.durable();
    return approval;
  }

  async withdraw(id: string, service: string = EVERY_SERVICE): Promise<boolean> {
    if (!this.#decided.has(keyOf(id, service))) return false;
    this.#database.approvals.remove(id, service);
    this.#read();
    this.#onChange(id);
    await this.#database.durable();
    return true;
  }

  /** Somebody waits: seen in lists, also when it is gone again. */
  note(identity: string, service: string, name: string | null): void {
    const key = keyOf(identity, service);
    if (this.#decided.has(key) || this.#pending.has(key)) return;
    try {
      this.#database.approvals.request({ identity, service, name, requestedAt: Date.now() });
      this.#pending.add(key);
      const [oldest = key] = this.#pending.size > MAX_PENDING ? this.#pending : [];
      if (oldest === key) return;
      this.#pending.delete(oldest);
      this.#database.approvals.remove(...partsOf(oldest));
    } catch (error) {
      this.#onFault(describeError(error));
    }
  }

  /** The longest waiting first. @throws ERR_DATABASE* */
  list(state?: Approval['state']): readonly Approval[] {
    return this.#database.approvals.list(state);
  }

  /** Other ids of the file. */
  replaceListed(ids: readonly string[]): void {
    const before = this.#listed;
    this.#listed = new Set(ids);
    for (const id of before) if (!this.#listed.has(id)) this.#onChange(id);
    for (const id of this.#listed) if (!before.has(id)) this.#onChange(id);
  }

  /** Takes what another process has written. @throws ERR_DATABASE* */
  refresh(): void {
    const before = this.#decided;
    this.#read();
    const keys = new Set([...before.keys(), ...this.#decided.keys()]);
    const changed = [...keys].filter((key) => before.get(key)?.state !== this.#decided.get(key)?.state);
    for (const id of new Set(changed.map((key) => partsOf(key)[0]))) this.#onChange(id);
  }

  watch(onChange: (id: string) => void): void {
    this.#onChange = onChange;
  }

  #read(): void {
    const all = this.#database.approvals.list();
    const keys = (isPending: boolean): readonly (readonly [string, Approval])[] =>
      all
        .filter(({ state }) => (state === 'pending') === isPending)
        .map((approval) => [keyOf(approval.identity, approval.service), approval]);
    this.#decided = new Map(keys(false));
    this.#pending = new Set(keys(true).map(([key]) => key));
  }
}

function keyOf(identity: string, service: string): string {
  return `${identity} ${service}`;
}

function partsOf(key: string): readonly [string, string] {
  const at = key.indexOf(' ');
  return [key.slice(0, at), key.slice(at + 1)];
}

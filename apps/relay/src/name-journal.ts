import type { JournalName, NameJournal } from '@sealane/server';
import type { KeptName } from './database/name-repository.js';
import type { RelayDatabase } from './database/relay-database.js';
import { describeError } from './error-line.js';

/** Names of the relay in its database. A change that cannot be written now is written with the next one that can. */
export class DatabaseNameJournal implements NameJournal {
  readonly #database: RelayDatabase;
  readonly #onFault: (message: string) => void;
  /** Not written: undefined for a name that is nobody's. */
  readonly #unwritten = new Map<string, KeptName | undefined>();
  #isTogether = false;

  constructor(database: RelayDatabase, onFault: (message: string) => void) {
    this.#database = database;
    this.#onFault = onFault;
  }

  load(): readonly JournalName[] {
    return this.#database.names
      .all()
      .map(({ name, owner, keptUntil }) => ({ name, id: owner, keptUntilMs: keptUntil }));
  }

  use(name: string, id: string): void {
    this.#database.names.set({ name, owner: id, keptUntil: null });
    this.#unwritten.delete(name);
  }

  keep(name: string, id: string, untilMs: number): void {
    this.#unwritten.set(name, { name, owner: id, keptUntil: untilMs });
    this.#tryCatchUp();
  }

  forget(name: string): void {
    this.#unwritten.set(name, undefined);
    this.#tryCatchUp();
  }

  together<T>(work: () => T): T {
    this.#isTogether = true;
    try {
      return work();
    } finally {
      this.#isTogether = false;
      this.#tryCatchUp();
    }
  }

  settled(): Promise<void> {
    return this.#database.durable();
  }

  #tryCatchUp(): void {
    if (this.#isTogether || this.#unwritten.size === 0) return;
    try {
      this.#database.transaction(() => this.#catchUp());
      this.#unwritten.clear();
    } catch (error) {
      this.#onFault(describeError(error));
    }
  }

  #catchUp(): void {
    for (const [name, state] of this.#unwritten) {
      if (state === undefined) this.#database.names.remove(name);
      else this.#database.names.set(state);
    }
  }
}

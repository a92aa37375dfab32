import type { Ban, BanKind, BanStore } from '@sealane/server';
import type { RelayDatabase } from './database/relay-database.js';

/** Bans of the relay in its database. */
export class DatabaseBanStore implements BanStore {
  readonly #database: RelayDatabase;

  constructor(database: RelayDatabase) {
    this.#database = database;
  }

  load(): readonly Ban[] {
    return this.#database.bans.list(Date.now()).map(({ kind, value, reason, createdAt, createdBy, expiresAt }) => ({
      kind,
      value,
      reason,
      createdAtMs: createdAt,
      createdBy,
      expiresAtMs: expiresAt,
    }));
  }

  async put({ kind, value, reason, createdAtMs, createdBy, expiresAtMs }: Ban): Promise<void> {
    this.#database.bans.add({ kind, value, reason, createdAt: createdAtMs, createdBy, expiresAt: expiresAtMs });
    await this.#database.durable();
  }

  /** Also bans that are over: those the relay forgets by itself. */
  async remove(kind: BanKind, value: string): Promise<void> {
    const until = this.#database.bans.remove(kind, value)?.expiresAt;
    if (typeof until === 'number' && until <= Date.now()) {
      this.#database.audit.record({ actor: 'relay', action: 'ban.expire', subject: `${kind} ${value}` });
    }
    await this.#database.durable();
  }
}

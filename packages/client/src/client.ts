import { SealaneError } from '@sealane/types';
import type { ClientParts } from './client-parts.js';
import { Deferred } from './session/deferred.js';
import { LEAST_RECORD_BYTES } from './session/link-stream-path.js';
import type { CloseOptions, SecureConnection } from './session/secure-connection.js';
import type { ClientStatistics, LinkStatus, LinkUse } from './status.js';

const DEFAULT_CLOSE_MS = 5_000;
/** How long the last words of sessions and links may take. */
const LAST_WORDS_MS = 1_000;

/** What every client can do, whether it dials, listens or both. */
export abstract class Client implements AsyncDisposable {
  readonly #parts: ClientParts;
  readonly #hastened = new Deferred<void>();
  #isEndingSoon = false;
  #closing: Promise<void> | undefined;

  /** @internal */
  protected constructor(parts: ClientParts) {
    this.#parts = parts;
  }

  /** @internal The client once the link that it is for is authenticated; closed if that fails. */
  protected static async connected<C extends Client>(created: Promise<C>): Promise<C> {
    const client = await created;
    const { sites, options }: ClientParts = (client as Client).#parts;
    const { use = 'dial', signal, retry } = options;
    try {
      await sites.acquireLink({ use, signal, failFast: retry !== true });
      return client;
    } catch (error) {
      await client.close({ deadlineMs: 0 });
      throw error;
    }
  }

  /** This client's own id. */
  get id(): string {
    return this.#parts.context.id;
  }

  /** The first relay's URL without its identity. */
  get url(): string {
    return this.#parts.sites.first.url;
  }

  /** Identity of the first relay: the pinned one, or the one that the last link proved; undefined before. */
  get relayId(): string | undefined {
    return this.#parts.sites.first.relayId;
  }

  /** Sessions of this client that have not ended. */
  get connections(): ReadonlySet<SecureConnection> {
    return this.#parts.connections.open;
  }

  /** Sums over all sessions that this client has had. */
  get statistics(): ClientStatistics {
    return this.#parts.connections.statistics;
  }

  /** The links that this client has begun to use, of all its relays. */
  get links(): readonly LinkStatus[] {
    return this.#parts.sites.all.flatMap((site) => site.links);
  }

  /**
   * Measures the round trip to the best relay and back in milliseconds, on the link named by `use` (default: the one that
   * `connect` waited for). Waits for the link as long as `signal` allows; callers at the same time share one PING.
   * Rejects with ERR_LINK_* when the link ends meanwhile, ERR_RELAY_*, ERR_ABORTED, ERR_CLOSED (v1.md, "Links").
   */
  async ping(options: { readonly use?: LinkUse; readonly signal?: AbortSignal | undefined } = {}): Promise<number> {
    this.#parts.assertOpen();
    const { use = this.#parts.options.use ?? 'dial', signal } = options;
    const link = await this.#parts.sites.acquireLink({ use, signal });
    return await link.ping(signal);
  }

  /**
   * Releases leases, ends sessions in order until the deadline, then the links, once everything said on them has left this
   * process. Default 5,000 ms. With 0 the sessions end at once: peers are told, as far as their paths take it within a
   * second; nobody can be told while a session is suspended. A later call with an earlier deadline hastens the end;
   * otherwise idempotent.
   */
  close(options: CloseOptions = {}): Promise<void> {
    const { deadlineMs = DEFAULT_CLOSE_MS } = options;
    if (this.#closing !== undefined) for (const connection of this.connections) void connection.close({ deadlineMs });
    this.#parts.isClosing = true;
    this.#closing ??= this.#close(deadlineMs);
    if (deadlineMs <= 0) this.#endSoon();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(deadlineMs: number): Promise<void> {
    // Keepers and pool refuse new work from here on.
    const { context, owner, sites } = this.#parts;
    const untilMs = context.clock.nowMs() + deadlineMs;
    const ended = Promise.resolve(owner?.release()).then(() => {
      const leftMs = Math.max(0, untilMs - context.clock.nowMs());
      return Promise.all([...this.connections].map((connection) => connection.close({ deadlineMs: leftMs })));
    });
    await Promise.race([ended, this.#hastened.promise]);
    const flushed = Promise.all(sites.all.map((site) => site.close()));
    await this.#within(LAST_WORDS_MS, flushed);
    owner?.close();
  }

  /** Sessions end now, and those that cannot say so at once get a moment to do so. */
  #endSoon(): void {
    if (this.#isEndingSoon) return;
    this.#isEndingSoon = true;
    const error = new SealaneError('ERR_CLOSED');
    for (const connection of [...this.connections]) {
      const { session, isSuspended, isOpen } = connection;
      // Towards a peer or a network that takes nothing now, an end in order waits until it does.
      const canTell = isOpen && (session.path?.sendableBytes ?? 0) >= LEAST_RECORD_BYTES;
      if (canTell || isSuspended) connection.abort(error);
      else void connection.close({ deadlineMs: 0 });
    }
    void this.#within(LAST_WORDS_MS, this.#closing).then(() => {
      for (const connection of [...this.connections]) connection.abort(error);
      this.#hastened.resolve();
    });
  }

  async #within(limitMs: number, promise: Promise<unknown> | undefined): Promise<void> {
    const late = new Deferred<void>();
    const timer = this.#parts.context.clock.schedule(limitMs, () => late.resolve());
    await Promise.race([promise, late.promise]);
    timer.cancel();
  }
}

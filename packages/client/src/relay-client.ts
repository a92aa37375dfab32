import { createInstance } from '@sealane/crypto/e2ee';
import { isService, parseName, SealaneError } from '@sealane/types';
import { type DialTarget, formatAddress, locateRelays } from './address.js';
import { type ClientContext, createClientContext } from './client-context.js';
import { ConnectionBook } from './connection-book.js';
import { Dialer } from './dialer.js';
import type { RelayLink } from './link/relay-link.js';
import { Listener } from './listener.js';
import type { DialOptions, ListenOptions, OpenStreamOptions, RelayClientOptions } from './options.js';
import { listPublicLeases, type PublicLease } from './public-leases.js';
import { registerEverywhere } from './relays/registration.js';
import { RelaySite } from './relays/relay-site.js';
import { RelaySites } from './relays/relay-sites.js';
import { type FoundOwner, Resolver } from './resolver.js';
import { ResumableSessions } from './resume/resumable-sessions.js';
import { Deferred } from './session/deferred.js';
import { LEAST_RECORD_BYTES } from './session/link-stream-path.js';
import type { CloseOptions, SecureConnection } from './session/secure-connection.js';
import type { SecureStream } from './session/secure-stream.js';
import type { ClientStatistics, LinkStatus, LinkUse } from './status.js';

const DEFAULT_CLOSE_MS = 5_000;
/** How long the last words of sessions and links may take. */
const LAST_WORDS_MS = 1_000;

/**
 * Listens and dials through one relay or several. Every method may be called at any time; links come and go underneath,
 * and sessions outlive them.
 */
export class RelayClient implements AsyncDisposable {
  readonly #options: RelayClientOptions;
  readonly #context: ClientContext;
  readonly #sites: RelaySites;
  readonly #resumable: ResumableSessions;
  readonly #dialer: Dialer;
  readonly #listeners = new Map<string, Listener>();
  readonly #connections: ConnectionBook;
  #releaseNeeds: (() => void)[] = [];
  readonly #hastened = new Deferred<void>();
  #isEndingSoon = false;
  #closing: Promise<void> | undefined;

  private constructor(urls: string | readonly string[], options: RelayClientOptions, context: ClientContext) {
    this.#options = options;
    this.#context = context;
    this.#connections = new ConnectionBook(context.onStatus);
    this.#resumable = new ResumableSessions(context.clock);
    const handshaker = {
      findService: (service: string) => this.#listeners.get(service),
      resumable: this.#resumable,
      events: this.#connections,
    };
    const moveAll = (link: RelayLink): void => {
      for (const connection of this.#connections.open) if (connection.session.path?.link === link) connection.move();
    };
    const sites = locateRelays(urls).map(
      (location) => new RelaySite({ context, location, client: options, handshaker, onDraining: moveAll }),
    );
    const resolver = new Resolver(context, () => sites.flatMap(({ relayId }) => relayId ?? []));
    this.#sites = new RelaySites(sites, resolver, context.clock);
    this.#dialer = new Dialer({
      context,
      resolver,
      sites: this.#sites,
      isClosing: () => this.#closing !== undefined,
      connections: this.#connections,
    });
  }

  /** A client whose link named by `use` is authenticated. See {@link connect}. */
  static async connect(urls: string | readonly string[], options: RelayClientOptions = {}): Promise<RelayClient> {
    const client = await RelayClient.create(urls, options);
    try {
      const { use = 'dial', signal, retry } = options;
      await client.#sites.acquireLink({ use, signal, failFast: retry !== true });
      return client;
    } catch (error) {
      await client.close({ deadlineMs: 0 });
      throw error;
    }
  }

  /** A client that connects when it is first used. ERR_ADDRESS_INVALID, ERR_ID_INVALID. */
  static async create(urls: string | readonly string[], options: RelayClientOptions = {}): Promise<RelayClient> {
    const context = await createClientContext(options);
    return new RelayClient(urls, options, context);
  }

  /** This client's own id. */
  get id(): string {
    return this.#context.id;
  }

  /** The first relay's URL without its identity. */
  get url(): string {
    return this.#sites.first.url;
  }

  /** Identity of the first relay: the pinned one, or the one that the last link proved; undefined before. */
  get relayId(): string | undefined {
    return this.#sites.first.relayId;
  }

  /** Sessions of this client that have not ended. */
  get connections(): ReadonlySet<SecureConnection> {
    return this.#connections.open;
  }

  /** Sums over all sessions that this client has had. */
  get statistics(): ClientStatistics {
    return this.#connections.statistics;
  }

  /** The links that this client has begun to use, of all its relays. */
  get links(): readonly LinkStatus[] {
    return this.#sites.all.flatMap((site) => site.links);
  }

  /**
   * Takes a lease, at every relay of this client, and the sessions that come in under it. Resolves when the first relay has
   * it. Rejects with the relay's refusal (ERR_RELAY_*), ERR_LINK_* when no relay can be reached (with `retry` it waits),
   * ERR_ARGUMENT, ERR_NAME_INVALID, ERR_ABORTED.
   */
  async listen(options: ListenOptions): Promise<Listener> {
    this.#assertOpen();
    const service = options.service ?? '';
    if (!isService(service)) throw new SealaneError('ERR_ARGUMENT', 'the service is not one');
    if (typeof options.accept !== 'function') throw new SealaneError('ERR_ARGUMENT', 'listen needs `accept`');
    if (this.#listeners.has(service)) throw new SealaneError('ERR_ARGUMENT', 'this service is listened on already');
    const listen = options.name === undefined ? options : { ...options, name: parseName(options.name) };
    const listener = await this.#createListener(service, listen);
    this.#listeners.set(service, listener);
    if (this.#releaseNeeds.length === 0) {
      this.#releaseNeeds = this.#sites.all.map((site) => site.keeper('listen').need());
    }
    try {
      await registerEverywhere(listener, this.#sites.all, () => this.#closing !== undefined);
      return listener;
    } catch (error) {
      this.#dropListener(listener);
      throw error;
    }
  }

  /**
   * A session with the owner, shared with other callers unless `fresh`: closing it closes it for all of them. Waits for
   * the link as long as `signal` allows. Rejects with ERR_RELAY_*, ERR_E2EE_*, ERR_ADDRESS_INVALID, ERR_ABORTED.
   */
  async dial(address: string | DialTarget, options: DialOptions = {}): Promise<SecureConnection> {
    this.#assertOpen();
    return await this.#dialer.dial(address, options);
  }

  /** One stream in a pooled session with room; a further session is opened at the stream limit. Rejects as `dial`. */
  async openStream(address: string | DialTarget, options: DialOptions & OpenStreamOptions = {}): Promise<SecureStream> {
    this.#assertOpen();
    return await this.#dialer.openStream(address, options);
  }

  /** What the relay knows of a name, or of an id's service; the keycert is verified. Rejects as `dial`. */
  async lookup(nameOrId: string, service = '', options: { readonly signal?: AbortSignal } = {}): Promise<FoundOwner> {
    this.#assertOpen();
    return await this.#dialer.lookup(nameOrId, service, options.signal);
  }

  /**
   * The leases that their owners made public at the first relay, each verified as its owner's word; asked for page by page
   * as the caller goes on. The relay can leave some out and can go on listing what ended. Rejects with
   * ERR_RELAY_UNSUPPORTED where the relay lists nothing, ERR_LINK_PROTOCOL for a lease that it made up; else as `dial`.
   */
  listPublic(options: { readonly signal?: AbortSignal } = {}): AsyncIterable<PublicLease> {
    this.#assertOpen();
    const { signal } = options;
    return listPublicLeases(this.#context, () => this.#sites.first.keeper('dial').acquire({ signal }), signal);
  }

  /**
   * Measures the round trip to the best relay and back in milliseconds, on the link named by `use` (default: the one that
   * `connect` waited for). Waits for the link as long as `signal` allows; callers at the same time share one PING.
   * Rejects with ERR_LINK_* when the link ends meanwhile, ERR_RELAY_*, ERR_ABORTED, ERR_CLOSED (v1.md, "Links").
   */
  async ping(options: { readonly use?: LinkUse; readonly signal?: AbortSignal | undefined } = {}): Promise<number> {
    this.#assertOpen();
    const { use = this.#options.use ?? 'dial', signal } = options;
    const link = await this.#sites.acquireLink({ use, signal });
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
    this.#closing ??= this.#close(deadlineMs);
    if (deadlineMs <= 0) this.#endSoon();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new SealaneError('ERR_CLOSED');
  }

  async #createListener(service: string, listen: ListenOptions): Promise<Listener> {
    const credential = await this.#context.currentCredential();
    const { epoch } = credential;
    const listener: Listener = new Listener({
      id: this.id,
      service,
      instance: createInstance(this.#context.processSecret, credential.publicKey, service),
      listen,
      describeAddress: () => {
        const relays = this.#sites.all.map(({ url, relayId }) => (relayId === undefined ? { url } : { url, relayId }));
        return formatAddress({ id: this.id, service, relays, ...(epoch > 1 ? { minEpoch: epoch } : {}) });
      },
      release: async () => {
        await Promise.all(this.#sites.all.map((site) => site.leases.release(service)));
        this.#dropListener(listener);
        // Its sessions live on, and so does the way to this process.
        if (!listener.hasResumable || this.#listeners.has(service)) return;
        for (const site of this.#sites.all) site.leases.keepForResuming(service, listener.instance, listen);
      },
      onIdle: () => {
        for (const site of this.#sites.all) void site.leases.releaseForResuming(service);
      },
      onFail: () => this.#dropListener(listener),
      onConnection: (connection) => this.#connections.add(connection),
    });
    return listener;
  }

  #dropListener(listener: Listener): void {
    if (this.#listeners.get(listener.service) !== listener) return;
    this.#listeners.delete(listener.service);
    if (this.#listeners.size > 0) return;
    for (const release of this.#releaseNeeds.splice(0)) release();
  }

  async #close(deadlineMs: number): Promise<void> {
    // Keepers and pool refuse new work from here on: `#closing` is set.
    const released = Promise.all([...this.#listeners.values()].map((listener) => listener.close()));
    const untilMs = this.#context.clock.nowMs() + deadlineMs;
    const ended = released.then(() => {
      const leftMs = Math.max(0, untilMs - this.#context.clock.nowMs());
      return Promise.all([...this.connections].map((connection) => connection.close({ deadlineMs: leftMs })));
    });
    await Promise.race([ended, this.#hastened.promise]);
    const flushed = Promise.all(this.#sites.all.map((site) => site.close()));
    await this.#within(LAST_WORDS_MS, flushed);
    this.#resumable.close();
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
    const timer = this.#context.clock.schedule(limitMs, () => late.resolve());
    await Promise.race([promise, late.promise]);
    timer.cancel();
  }
}

/**
 * A client of the relay at `urls` (`ws://` or `wss://`, with `#<relay id>` to pin its identity), of several, or of those
 * that a `sealane://` address names, once the link named by `use` is authenticated at one of them. ERR_LINK_FAILED when
 * none can be reached (with `retry` it keeps trying), ERR_RELAY_IDENTITY when it is not the pinned one, ERR_RELAY_* when
 * it refuses, ERR_ADDRESS_INVALID, ERR_ABORTED.
 */
export function connect(urls: string | readonly string[], options: RelayClientOptions = {}): Promise<RelayClient> {
  return RelayClient.connect(urls, options);
}

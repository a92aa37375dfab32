import { SigningKey } from '@sealane/crypto/credential';
import { createInstance } from '@sealane/crypto/e2ee';
import { isSealaneError, isService, parseName, SealaneError } from '@sealane/types';
import { type DialTarget, formatAddress, locateRelay, type RelayLocation } from './address.js';
import { type ClientContext, createClientContext } from './client-context.js';
import { ConnectionBook } from './connection-book.js';
import { Dialer } from './dialer.js';
import { Handshaker } from './handshake/handshaker.js';
import { LeaseManager } from './lease-manager.js';
import { LinkKeeper } from './link/link-keeper.js';
import { openLink } from './link/open-link.js';
import type { RelayLink } from './link/relay-link.js';
import { Listener } from './listener.js';
import type { DialOptions, ListenOptions, OpenStreamOptions, RelayClientOptions } from './options.js';
import { listPublicLeases, type PublicLease } from './public-leases.js';
import type { FoundOwner } from './resolver.js';
import type { CloseOptions, SecureConnection } from './session/secure-connection.js';
import type { SecureStream } from './session/secure-stream.js';
import type { ClientStatistics, LinkStatus, LinkUse } from './status.js';

const DEFAULT_CLOSE_MS = 5_000;
/** Listens and dials through one relay. Every method may be called at any time; links come and go underneath. */
export class RelayClient implements AsyncDisposable {
  /** The relay's URL without its identity. */
  readonly url: string;
  readonly #location: RelayLocation;
  readonly #options: RelayClientOptions;
  readonly #context: ClientContext;
  readonly #leases: LeaseManager;
  readonly #dialer: Dialer;
  readonly #listeners = new Map<string, Listener>();
  readonly #handshakers = new Map<RelayLink, Handshaker>();
  readonly #connections = new ConnectionBook();
  readonly #keepers = new Map<LinkUse, LinkKeeper>();
  #releaseNeed: (() => void) | undefined;
  #relayId: string | undefined;
  #closing: Promise<void> | undefined;

  private constructor(location: RelayLocation, options: RelayClientOptions, context: ClientContext) {
    this.url = location.url;
    this.#location = location;
    this.#options = options;
    this.#context = context;
    this.#relayId = location.relayId;
    this.#leases = new LeaseManager(context);
    this.#dialer = new Dialer({
      context,
      acquireLink: (signal) => this.#keeper('dial').acquire({ signal }),
      relayId: () => this.#relayId,
      isClosing: () => this.#closing !== undefined,
      onConnection: (connection) => this.#onConnection(connection),
      onConnectionEnd: (connection, error) => this.#onConnectionEnd(connection, error),
    });
  }

  /** A client whose link named by `use` is authenticated. See {@link connect}. */
  static async connect(url: string, options: RelayClientOptions = {}): Promise<RelayClient> {
    const client = await RelayClient.create(url, options);
    try {
      const failFast = options.retry !== true;
      await client.#keeper(options.use ?? 'dial').acquire({ signal: options.signal, failFast });
      return client;
    } catch (error) {
      await client.close({ deadlineMs: 0 });
      throw error;
    }
  }

  /** A client that connects when it is first used. ERR_ADDRESS_INVALID, ERR_ID_INVALID. */
  static async create(url: string, options: RelayClientOptions = {}): Promise<RelayClient> {
    const context = await createClientContext(options);
    return new RelayClient(locateRelay(url), options, context);
  }

  /** This client's own id. */
  get id(): string {
    return this.#context.id;
  }

  /** Identity of the relay: the pinned one, or the one that the last link proved; undefined before. */
  get relayId(): string | undefined {
    return this.#relayId;
  }

  /** Sessions of this client that have not ended. */
  get connections(): ReadonlySet<SecureConnection> {
    return this.#connections.open;
  }

  /** Sums over all sessions that this client has had. */
  get statistics(): ClientStatistics {
    return this.#connections.statistics;
  }

  /** The links that this client has begun to use. */
  get links(): readonly LinkStatus[] {
    return [...this.#keepers.values()].map((keeper) => keeper.status);
  }

  /**
   * Takes a lease and the sessions that come in under it. Rejects with the relay's refusal (ERR_RELAY_*), ERR_LINK_* when
   * the relay cannot be reached (with `retry` it waits), ERR_ARGUMENT, ERR_NAME_INVALID, ERR_ABORTED.
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
    this.#releaseNeed ??= this.#keeper('listen').need();
    try {
      await this.#register(listener);
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
   * The leases that their owners made public at this relay, each verified as its owner's word; asked for page by page as
   * the caller goes on. The relay can leave some out and can go on listing what ended. Rejects with
   * ERR_RELAY_UNSUPPORTED where the relay lists nothing, ERR_LINK_PROTOCOL for a lease that it made up; else as `dial`.
   */
  listPublic(options: { readonly signal?: AbortSignal } = {}): AsyncIterable<PublicLease> {
    this.#assertOpen();
    const { signal } = options;
    return listPublicLeases(this.#context, () => this.#keeper('dial').acquire({ signal }), signal);
  }

  /**
   * Measures the round trip to the relay and back in milliseconds, on the link named by `use` (default: the one that
   * `connect` waited for). Waits for the link as long as `signal` allows; callers at the same time share one PING.
   * Rejects with ERR_LINK_* when the link ends meanwhile, ERR_RELAY_*, ERR_ABORTED, ERR_CLOSED (v1.md, "Links").
   */
  async ping(options: { readonly use?: LinkUse; readonly signal?: AbortSignal | undefined } = {}): Promise<number> {
    this.#assertOpen();
    const link = await this.#keeper(options.use ?? this.#options.use ?? 'dial').acquire(options);
    return await link.ping(options.signal);
  }

  /** Releases leases, ends sessions in order until the deadline, then the links. Default 5,000 ms. Idempotent. */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options.deadlineMs ?? DEFAULT_CLOSE_MS);
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
        const relay = this.#relayId === undefined ? { url: this.url } : { url: this.url, relayId: this.#relayId };
        return formatAddress({ id: this.id, service, relays: [relay], ...(epoch > 1 ? { minEpoch: epoch } : {}) });
      },
      release: async () => {
        await this.#leases.release(service);
        this.#dropListener(listener);
      },
      onConnection: (connection) => this.#onConnection(connection),
    });
    return listener;
  }

  async #register(listener: Listener): Promise<void> {
    const { options, service, instance } = listener;
    const { signal, retry = false } = options;
    for (;;) {
      const link = await this.#keeper('listen').acquire({ signal, failFast: !retry });
      try {
        const handler = {
          onLost: (error: SealaneError): void => {
            this.#dropListener(listener);
            listener.fail(error);
          },
        };
        const granted = await this.#leases.register(link, service, instance, options, handler);
        listener.name = granted.name;
        return;
      } catch (error) {
        const isLinkError = isSealaneError(error) && error.code.startsWith('ERR_LINK_');
        if (!retry || !isLinkError || this.#closing !== undefined) throw error;
      }
    }
  }

  #dropListener(listener: Listener): void {
    if (this.#listeners.get(listener.service) !== listener) return;
    this.#listeners.delete(listener.service);
    if (this.#listeners.size > 0) return;
    this.#releaseNeed?.();
    this.#releaseNeed = undefined;
  }

  /** With `identify` one link serves both uses: the relay sees the same key anyway. */
  #keeper(use: LinkUse): LinkKeeper {
    this.#assertOpen();
    const kept = this.#options.identify === true ? 'listen' : use;
    let keeper = this.#keepers.get(kept);
    if (keeper === undefined) {
      keeper = this.#createKeeper(kept);
      this.#keepers.set(kept, keeper);
    }
    return keeper;
  }

  #createKeeper(use: LinkUse): LinkKeeper {
    const context = this.#context;
    const { clock, random, timing, onStatus } = context;
    const options = {
      context,
      location: this.#location,
      client: this.#options,
      createSigner: async () =>
        use === 'listen' ? await context.currentCredential() : SigningKey.create(context.random),
      handler: {
        onForward: (link, stream, open) => this.#handshaker(link).onForward(stream, open),
        onSuperseded: (link, message) => this.#leases.onSuperseded(link, message),
      },
    } satisfies Parameters<typeof openLink>[0];
    return new LinkKeeper({
      url: this.url,
      use,
      clock,
      random,
      timing,
      onStatus,
      openLink: (attempt) => openLink(options, attempt),
      onUp: (link) => {
        this.#relayId = link.relay.relayId;
        if (use === 'listen') this.#leases.onLinkUp(link);
      },
      onDown: (link, error) => {
        this.#handshakers.get(link)?.close();
        this.#handshakers.delete(link);
        if (use === 'listen') this.#leases.onLinkDown(link, error);
      },
    });
  }

  #handshaker(link: RelayLink): Handshaker {
    let handshaker = this.#handshakers.get(link);
    if (handshaker === undefined) {
      handshaker = new Handshaker(this.#context, link, (service) => this.#listeners.get(service), {
        onEnd: (connection, error) => this.#onConnectionEnd(connection, error),
      });
      this.#handshakers.set(link, handshaker);
    }
    return handshaker;
  }

  #onConnection(connection: SecureConnection): void {
    this.#connections.add(connection);
    const { role, peerId, service, alpn } = connection;
    this.#context.onStatus({ type: 'session', state: 'open', role, peerId, service, alpn });
  }

  #onConnectionEnd(connection: SecureConnection, error: SealaneError | undefined): void {
    if (!this.#connections.remove(connection)) return;
    const { role, peerId, service, alpn } = connection;
    const facts = { type: 'session', state: 'closed', role, peerId, service, alpn } as const;
    this.#context.onStatus(error === undefined ? facts : { ...facts, error });
  }

  async #close(deadlineMs: number): Promise<void> {
    // Keepers and pool refuse new work from here on: `#closing` is set.
    await Promise.all([...this.#listeners.values()].map((listener) => listener.close()));
    const connections = [...this.#connections.open];
    if (deadlineMs <= 0) for (const connection of connections) connection.abort(new SealaneError('ERR_CLOSED'));
    await Promise.all(connections.map((connection) => connection.close({ deadlineMs })));
    this.#leases.close();
    for (const keeper of this.#keepers.values()) keeper.close();
  }
}

/**
 * A client of the relay at `url` (`ws://` or `wss://`, with `#<relay id>` to pin its identity), or of the relay that a
 * `sealane://` address names, once the link named by `use` is authenticated. ERR_LINK_FAILED when it cannot be reached
 * (with `retry` it keeps trying), ERR_RELAY_IDENTITY when it is not the pinned one, ERR_RELAY_* when it refuses,
 * ERR_ADDRESS_INVALID, ERR_ABORTED.
 */
export function connect(url: string, options: RelayClientOptions = {}): Promise<RelayClient> {
  return RelayClient.connect(url, options);
}

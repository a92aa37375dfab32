import { type DialTarget, parseAddress } from './address.js';
import { Client } from './client.js';
import { type ClientParts, createParts } from './client-parts.js';
import { Dialer } from './dialer.js';
import type { DialOptions, OpenStreamOptions, RelayClientOptions } from './options.js';
import { SiteLinks } from './relays/site-links.js';
import { type FoundOwner, Resolver } from './resolver.js';
import type { SecureConnection } from './session/secure-connection.js';
import type { SecureStream } from './session/secure-stream.js';

/** Dials through one relay or several, as `RelayClient` does, and cannot listen: a page loads less for it. */
export class DialClient extends Client {
  readonly #parts: ClientParts;
  readonly #dialer: Dialer;

  /** @internal */
  protected constructor(parts: ClientParts) {
    super(parts);
    this.#parts = parts;
    const { context, sites, connections } = parts;
    const resolver = new Resolver(context, () => sites.all.flatMap(({ relayId }) => relayId ?? []));
    this.#dialer = new Dialer({
      context,
      resolver,
      sites,
      links: new SiteLinks(sites, resolver),
      isClosing: () => parts.isClosing,
      connections,
    });
  }

  /** A client whose link is authenticated. See {@link connect}. */
  static async connect(urls: string | readonly string[], options: RelayClientOptions = {}): Promise<DialClient> {
    return await Client.connected(DialClient.create(urls, options));
  }

  /** A client that connects when it is first used. ERR_ADDRESS_INVALID, ERR_ID_INVALID. */
  static async create(urls: string | readonly string[], options: RelayClientOptions = {}): Promise<DialClient> {
    return new DialClient(await createParts(urls, options, () => undefined, parseAddress));
  }

  /**
   * A session with the owner, shared with other callers unless `fresh`: closing it closes it for all of them. Waits for
   * the link as long as `signal` allows. Rejects with ERR_RELAY_*, ERR_E2EE_*, ERR_ADDRESS_INVALID, ERR_ABORTED.
   */
  async dial(address: string | DialTarget, options: DialOptions = {}): Promise<SecureConnection> {
    this.#parts.assertOpen();
    return await this.#dialer.dial(address, options);
  }

  /** One stream in a pooled session with room; a further session is opened at the stream limit. Rejects as `dial`. */
  async openStream(address: string | DialTarget, options: DialOptions & OpenStreamOptions = {}): Promise<SecureStream> {
    this.#parts.assertOpen();
    return await this.#dialer.openStream(address, options);
  }

  /** What the relay knows of a name, or of an id's service; the keycert is verified. Rejects as `dial`. */
  async lookup(nameOrId: string, service = '', options: { readonly signal?: AbortSignal } = {}): Promise<FoundOwner> {
    this.#parts.assertOpen();
    return await this.#dialer.lookup(nameOrId, service, options.signal);
  }
}

/**
 * A client that dials, of the relay at `urls` (`ws://` or `wss://`, with `#<relay id>` to pin its identity), of several, or of those
 * that a `sealane://` address names, once the link named by `use` is authenticated at one of them. ERR_LINK_FAILED when
 * none can be reached (with `retry` it keeps trying), ERR_RELAY_IDENTITY when it is not the pinned one, ERR_RELAY_* when
 * it refuses, ERR_ADDRESS_INVALID, ERR_ABORTED.
 */
export function connect(urls: string | readonly string[], options: RelayClientOptions = {}): Promise<DialClient> {
  return DialClient.connect(urls, options);
}

import { parseAddress } from './address.js';
import { Client } from './client.js';
import { type ClientParts, createParts } from './client-parts.js';
import { DialClient } from './dial-client.js';
import type { Listener } from './listener.js';
import { Listening } from './listening.js';
import type { ListenOptions, RelayClientOptions } from './options.js';
import { listPublicLeases, type PublicLease } from './public-leases.js';

/**
 * Listens and dials through one relay or several. Every method may be called at any time; links come and go underneath,
 * and sessions outlive them.
 */
export class RelayClient extends DialClient {
  readonly #parts: ClientParts<Listening>;

  /** @internal */
  protected constructor(parts: ClientParts<Listening>) {
    super(parts);
    this.#parts = parts;
  }

  /** A client whose link named by `use` is authenticated. See {@link connect}. */
  static override async connect(
    urls: string | readonly string[],
    options: RelayClientOptions = {},
  ): Promise<RelayClient> {
    return await Client.connected(RelayClient.create(urls, options));
  }

  /** A client that connects when it is first used. ERR_ADDRESS_INVALID, ERR_ID_INVALID. */
  static override async create(
    urls: string | readonly string[],
    options: RelayClientOptions = {},
  ): Promise<RelayClient> {
    return new RelayClient(await createParts(urls, options, (parts) => new Listening(parts), parseAddress));
  }

  /**
   * Takes a lease, at every relay of this client, and the sessions that come in under it. Resolves when the first relay has
   * it. Rejects with the relay's refusal (ERR_RELAY_*), ERR_LINK_* when no relay can be reached (with `retry` it waits),
   * ERR_ARGUMENT, ERR_NAME_INVALID, ERR_ABORTED.
   */
  listen(options: ListenOptions): Promise<Listener> {
    return this.#parts.owner.listen(options);
  }

  /**
   * The leases that their owners made public at the first relay, each verified as its owner's word; asked for page by page
   * as the caller goes on. The relay can leave some out and can go on listing what ended. Rejects with
   * ERR_RELAY_UNSUPPORTED where the relay lists nothing, ERR_LINK_PROTOCOL for a lease that it made up; else as `dial`.
   */
  listPublic(options: { readonly signal?: AbortSignal } = {}): AsyncIterable<PublicLease> {
    this.#parts.assertOpen();
    const { signal } = options;
    const { context, sites } = this.#parts;
    return listPublicLeases(context, () => sites.first.keeper('dial').acquire({ signal }), signal);
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

import { Client } from './client.js';
import { type ClientParts, createParts } from './client-parts.js';
import type { Listener } from './listener.js';
import { Listening } from './listening.js';
import type { ListenOptions, RelayClientOptions } from './options.js';

/** Listens through one relay or several, as `RelayClient` does, and cannot dial: a page loads less for it. */
export class ListenClient extends Client {
  readonly #listening: Listening;

  /** @internal */
  protected constructor(parts: ClientParts<Listening>) {
    super(parts);
    this.#listening = parts.owner;
  }

  /** A client whose link is authenticated. See {@link connect}. */
  static async connect(urls: string | readonly string[], options: RelayClientOptions = {}): Promise<ListenClient> {
    return await Client.connected(ListenClient.create(urls, options));
  }

  /** A client that connects when it is first used. ERR_ADDRESS_INVALID, ERR_ID_INVALID. */
  static async create(urls: string | readonly string[], options: RelayClientOptions = {}): Promise<ListenClient> {
    const parts = await createParts(urls, { use: 'listen', ...options }, (whole) => new Listening(whole));
    return new ListenClient(parts);
  }

  /**
   * Takes a lease, at every relay of this client, and the sessions that come in under it. Resolves when the first relay has
   * it. Rejects with the relay's refusal (ERR_RELAY_*), ERR_LINK_* when no relay can be reached (with `retry` it waits),
   * ERR_ARGUMENT, ERR_NAME_INVALID, ERR_ABORTED.
   */
  listen(options: ListenOptions): Promise<Listener> {
    return this.#listening.listen(options);
  }
}

/**
 * A client that listens, of the relay at `urls` (`ws://` or `wss://`, with `#<relay id>` to pin its identity) or of
 * several, once the link for listening is authenticated at one of them. ERR_LINK_FAILED when none can be reached (with
 * `retry` it keeps trying), ERR_RELAY_IDENTITY when it is not the pinned one, ERR_RELAY_* when it refuses,
 * ERR_ADDRESS_INVALID, ERR_ABORTED.
 */
export function connect(urls: string | readonly string[], options: RelayClientOptions = {}): Promise<ListenClient> {
  return ListenClient.connect(urls, options);
}

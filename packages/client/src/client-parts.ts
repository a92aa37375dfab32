import { SealaneError } from '@sealane/types';
import { locateRelays, type parseAddress } from './address.js';
import { type ClientContext, createClientContext } from './client-context.js';
import { ConnectionBook } from './connection-book.js';
import type { RelayLink } from './link/relay-link.js';
import type { RelayClientOptions } from './options.js';
import { RelaySite, type SiteOwner } from './relays/relay-site.js';
import { RelaySites } from './relays/relay-sites.js';

/** The owner's half of a client, for those that listen. */
export interface OwnerHalf {
  /** Called once for every relay, in their order. */
  ownerAt(url: string, index: number): SiteOwner;
  /** Gives every lease up. */
  release(): Promise<unknown>;
  /** All sessions have ended. */
  close(): void;
}

/** What both halves of one client share. */
export class ClientParts<Owner extends OwnerHalf | undefined = OwnerHalf | undefined> {
  readonly options: RelayClientOptions;
  readonly context: ClientContext;
  readonly connections: ConnectionBook;
  readonly sites: RelaySites;
  readonly owner: Owner;
  isClosing = false;

  constructor(
    urls: string | readonly string[],
    options: RelayClientOptions,
    context: ClientContext,
    createOwner: (parts: ClientParts) => Owner,
    readAddress: typeof parseAddress | undefined,
  ) {
    this.options = options;
    this.context = context;
    this.connections = new ConnectionBook(context.onStatus);
    this.owner = createOwner(this);
    const moveAll = (link: RelayLink): void => {
      for (const connection of this.connections.open) if (connection.session.path?.link === link) connection.move();
    };
    const sites = locateRelays(urls, readAddress).map(
      (location, index) =>
        new RelaySite({
          context,
          location,
          client: options,
          owner: this.owner?.ownerAt(location.url, index),
          onDraining: moveAll,
        }),
    );
    this.sites = new RelaySites(sites, context.clock);
  }

  assertOpen(): void {
    if (this.isClosing) throw new SealaneError('ERR_CLOSED');
  }
}

/** With `readAddress` the relays may also be those of an address. ERR_ADDRESS_INVALID, ERR_ID_INVALID. */
export async function createParts<Owner extends OwnerHalf | undefined>(
  urls: string | readonly string[],
  options: RelayClientOptions,
  createOwner: (parts: ClientParts) => Owner,
  readAddress?: typeof parseAddress,
): Promise<ClientParts<Owner>> {
  return new ClientParts(urls, options, await createClientContext(options), createOwner, readAddress);
}

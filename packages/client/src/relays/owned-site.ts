import type { MuxStream } from '@sealane/mux';
import type { SealaneError } from '@sealane/types';
import { Handshaker, type HandshakerOptions } from '../handshake/handshaker.js';
import { LeaseManager } from '../lease-manager.js';
import type { LinkKeeper } from '../link/link-keeper.js';
import type { RelayLink } from '../link/relay-link.js';
import type { RelaySite, SiteOwner } from './relay-site.js';

/** For what the relay forwards. */
export type OwnedSiteOptions = Pick<HandshakerOptions, 'context' | 'findService' | 'resumable' | 'events'>;

/** The owner's half at one relay: the leases held there, and the handshakes of those who dial them. */
export class OwnedSite implements SiteOwner {
  readonly leases: LeaseManager;
  readonly #options: OwnedSiteOptions;
  readonly #findSite: () => RelaySite;
  readonly #handshakers = new Map<RelayLink, Handshaker>();

  /** `url` is the relay's, for events; `findSite` is asked once the client is whole. */
  constructor(options: OwnedSiteOptions, url: string, findSite: () => RelaySite) {
    this.#options = options;
    this.#findSite = findSite;
    this.leases = new LeaseManager(options.context, url);
  }

  /** Keeps the link that carries the leases. */
  get keeper(): LinkKeeper {
    return this.#findSite().keeper('listen');
  }

  onForward(link: RelayLink, stream: MuxStream, open: Uint8Array): void {
    let handshaker = this.#handshakers.get(link);
    if (handshaker === undefined) {
      handshaker = new Handshaker({ ...this.#options, link });
      this.#handshakers.set(link, handshaker);
    }
    handshaker.onForward(stream, open);
  }

  onLinkDown(link: RelayLink, error: SealaneError): void {
    this.#handshakers.get(link)?.close();
    this.#handshakers.delete(link);
    this.leases.onLinkDown(link, error);
  }
}

import { bytesEqual } from '@sealane/crypto';
import { isSealaneError } from '@sealane/types';
import type { RelayLink } from '../link/relay-link.js';
import type { Resolver } from '../resolver.js';
import type { ResumeLinks } from '../resume/resumer.js';
import type { SecureConnection } from '../session/secure-connection.js';
import type { RelaySites } from './relay-sites.js';

/** Where the sessions that a client dialed find their next path: at all of its relays. */
export class SiteLinks implements ResumeLinks {
  readonly #sites: RelaySites;
  readonly #resolver: Resolver;

  constructor(sites: RelaySites, resolver: Resolver) {
    this.#sites = sites;
    this.#resolver = resolver;
  }

  acquire(signal: AbortSignal, tried: Set<string>): Promise<RelayLink> {
    const urls = this.#sites.all.filter(({ relayId }) => tried.has(relayId!)).map(({ url }) => url);
    // A full round without success: all may be tried again, those first that failed least.
    const isRound = urls.length >= this.#sites.all.length;
    if (isRound) tried.clear();
    return this.#sites.acquireLink({ signal, avoid: new Set(isRound ? [] : urls) });
  }

  async findOther(connection: SecureConnection, signal: AbortSignal): Promise<RelayLink | undefined> {
    const others = this.#sites.inOrder().filter(({ relayId }) => relayId !== connection.relayId);
    for (const site of others) {
      const link = await soon(site.keeper('dial').acquire({ signal, failFast: true }));
      if (link === undefined) continue;
      const found = await soon(this.#resolver.lookup(link, connection.peerId, connection.service, signal));
      if (found !== undefined && bytesEqual(found.instance, connection.instance)) return link;
    }
    return undefined;
  }

  report(link: RelayLink, isGood: boolean): void {
    this.#sites.siteOf(link)?.report(isGood);
  }

  need(): () => void {
    const releases = this.#sites.all.map((site) => {
      const keeper = site.keeper('dial');
      keeper.start();
      return keeper.need();
    });
    return () => {
      for (const release of releases) release();
    };
  }
}

/** What the promise gives, or undefined where it fails: one possibility less. */
async function soon<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isSealaneError(error) && error.code !== 'ERR_ABORTED') return undefined;
    throw error;
  }
}

import { createInstance } from '@sealane/crypto/e2ee';
import { isService, parseName, SealaneError } from '@sealane/types';
import { formatOpenAddress } from './address.js';
import type { ClientParts, OwnerHalf } from './client-parts.js';
import { Listener } from './listener.js';
import type { ListenOptions } from './options.js';
import { OwnedSite } from './relays/owned-site.js';
import { registerEverywhere } from './relays/registration.js';
import type { SiteOwner } from './relays/relay-site.js';
import { ResumableSessions } from './resume/resumable-sessions.js';

/** The listening half of a client: its listeners, and the leases of each at every relay. */
export class Listening implements OwnerHalf {
  readonly #parts: ClientParts;
  readonly #resumable: ResumableSessions;
  readonly #listeners = new Map<string, Listener>();
  readonly #sites: OwnedSite[] = [];
  #releaseNeeds: (() => void)[] = [];

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#resumable = new ResumableSessions(parts.context.clock);
  }

  ownerAt(url: string, index: number): SiteOwner {
    const { context, connections } = this.#parts;
    const options = {
      context,
      findService: (service: string) => this.#listeners.get(service),
      resumable: this.#resumable,
      events: connections,
    };
    const site = new OwnedSite(options, url, () => this.#parts.sites.all[index]!);
    this.#sites.push(site);
    return site;
  }

  /** See `RelayClient.listen`. */
  async listen(options: ListenOptions): Promise<Listener> {
    this.#parts.assertOpen();
    const service = options.service ?? '';
    if (!isService(service)) throw new SealaneError('ERR_ARGUMENT', 'the service is not one');
    if (typeof options.accept !== 'function') throw new SealaneError('ERR_ARGUMENT', 'listen needs `accept`');
    if (this.#listeners.has(service)) throw new SealaneError('ERR_ARGUMENT', 'this service is listened on already');
    const listen = options.name === undefined ? options : { ...options, name: parseName(options.name) };
    const listener = await this.#createListener(service, listen);
    this.#listeners.set(service, listener);
    if (this.#releaseNeeds.length === 0) {
      this.#releaseNeeds = this.#sites.map((site) => site.keeper.need());
    }
    try {
      await registerEverywhere(listener, this.#sites, () => this.#parts.isClosing);
      return listener;
    } catch (error) {
      this.#dropListener(listener);
      throw error;
    }
  }

  release(): Promise<unknown> {
    return Promise.all([...this.#listeners.values()].map((listener) => listener.close()));
  }

  close(): void {
    this.#resumable.close();
  }

  async #createListener(service: string, listen: ListenOptions): Promise<Listener> {
    const { context, connections, sites } = this.#parts;
    const { id } = context;
    const credential = await context.currentCredential();
    const { epoch } = credential;
    const listener: Listener = new Listener({
      id,
      service,
      instance: createInstance(context.processSecret, credential.publicKey, service),
      listen,
      describeAddress: () => {
        const relays = sites.all.map(({ url, relayId }) => (relayId === undefined ? { url } : { url, relayId }));
        return formatOpenAddress({ id, service, relays, ...(epoch > 1 ? { minEpoch: epoch } : {}) });
      },
      release: async () => {
        await Promise.all(this.#sites.map((site) => site.leases.release(service)));
        this.#dropListener(listener);
        // Its sessions live on, and so does the way to this process.
        if (!listener.hasResumable || this.#listeners.has(service)) return;
        for (const site of this.#sites) site.leases.keepForResuming(service, listener.instance, listen);
      },
      onIdle: () => {
        for (const site of this.#sites) void site.leases.releaseForResuming(service);
      },
      onFail: () => this.#dropListener(listener),
      onConnection: (connection) => connections.add(connection),
    });
    return listener;
  }

  #dropListener(listener: Listener): void {
    if (this.#listeners.get(listener.service) !== listener) return;
    this.#listeners.delete(listener.service);
    if (this.#listeners.size > 0) return;
    for (const release of this.#releaseNeeds.splice(0)) release();
  }
}

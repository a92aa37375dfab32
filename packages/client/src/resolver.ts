import { encodeId, isIdLike, type Keycert, parseId } from '@sealane/crypto/credential';
import type { Found, Lookup } from '@sealane/protocol';
import { isService, MessageKind, parseName, SealaneError } from '@sealane/types';
import type { ClientContext } from './client-context.js';
import { takeKeycert } from './keycert-book.js';
import { unasked } from './link/link-error.js';
import type { RelayLink } from './link/relay-link.js';
import type { NamePin } from './pin-store.js';

export interface FoundOwner {
  readonly id: string;
  readonly service: string;
  /** 132 bytes, verified. */
  readonly keycert: Uint8Array;
  readonly epoch: number;
  /** The owner's process, 16 bytes: a hint of the relay. */
  readonly instance: Uint8Array;
}

/** Asks relays where names and ids lead, and believes only what the owner signed or a pin confirms. */
export class Resolver {
  readonly #context: ClientContext;
  readonly #relayIds: () => readonly string[];
  /** Answers for one name are compared with its pin one after another: the first one is the pin. */
  #pinning: Promise<void> = Promise.resolve();
  /** Names that were looked up and found as pinned, for the life of this client. */
  readonly #names = new Map<string, { readonly id: string; readonly service: string }>();

  /** `relayIds` are those of all relays of this client, as far as they are known. */
  constructor(context: ClientContext, relayIds: () => readonly string[]) {
    this.#context = context;
    this.#relayIds = relayIds;
  }

  /** Looks a name, or an id and service, up. ERR_RELAY_NO_OWNER, ERR_RELAY_KEYCERT, ERR_E2EE_KEYCERT, ERR_E2EE_PIN. */
  async lookup(
    link: RelayLink,
    nameOrId: string,
    service: string,
    signal: AbortSignal | undefined,
  ): Promise<FoundOwner> {
    const { found } = await this.#find(link, nameOrId, service, signal);
    return found;
  }

  /** What a name stood for when this client asked last. */
  known(relayId: string | undefined, name: string): { readonly id: string; readonly service: string } | undefined {
    return relayId === undefined ? undefined : this.#names.get(`${relayId} ${name}`);
  }

  /** A dial under this name failed: the next one asks again, whatever relay. */
  forget(name: string): void {
    for (const relayId of this.#relayIds()) this.#names.delete(`${relayId} ${name}`);
  }

  /** Id and service behind a name, compared with the pin; the first answer is pinned. */
  async resolveName(
    link: RelayLink,
    name: string,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly id: string; readonly service: string }> {
    const { relayId } = link.relay;
    const known = this.known(relayId, name);
    if (known !== undefined) return known;
    const { id, service } = await this.lookup(link, name, '', signal);
    const found = { id, service };
    this.#names.set(`${relayId} ${name}`, found);
    return found;
  }

  /** The owner's newest keycert, from memory where it is new enough, else from the relay. */
  async keycertOf(
    link: RelayLink,
    id: string,
    service: string,
    minEpoch: number,
    signal: AbortSignal | undefined,
  ): Promise<Keycert> {
    const known = await this.#context.keycerts.newest(id);
    if (known !== undefined && known.epoch >= minEpoch) return known;
    const { keycert } = await this.#find(link, id, service, signal);
    if (keycert.epoch >= minEpoch) return keycert;
    throw new SealaneError('ERR_E2EE_KEYCERT', 'the owner uses an older key than the address asks for', {
      details: { epoch: keycert.epoch, minEpoch },
    });
  }

  async #find(
    link: RelayLink,
    nameOrId: string,
    service: string,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly found: FoundOwner; readonly keycert: Keycert }> {
    if (!isService(service)) throw new SealaneError('ERR_ARGUMENT', 'the service is not one');
    const key = isIdLike(nameOrId) ? parseId(nameOrId) : null;
    const name = key === null ? parseName(nameOrId) : null;
    const asked = name === null ? service : '';
    const create = (request: number): Lookup => ({ kind: MessageKind.LOOKUP, request, name, id: key, service: asked });
    const answer = (await link.request(create, { signal })) as Found;
    if (answer.kind !== MessageKind.FOUND) {
      throw unasked();
    }
    const id = encodeId(answer.id);
    if (key !== null && (id !== encodeId(key) || answer.service !== service)) {
      throw new SealaneError('ERR_RELAY_KEYCERT', 'the relay answered with another owner than the one asked for');
    }
    const { relayId } = link.relay;
    const keycert = await takeKeycert(this.#context.keycerts, id, answer.keycert);
    if (name !== null) {
      const pinned = this.#pinning.then(() => this.#pin(relayId, name, { id, service: answer.service }));
      this.#pinning = pinned.catch(() => undefined);
      await pinned;
    }
    const { service: at, instance } = answer;
    const found = { id, service: at, keycert: keycert.bytes, epoch: keycert.epoch, instance: instance.slice() };
    return { found, keycert };
  }

  async #pin(relayId: string, name: string, found: { id: string; service: string }): Promise<void> {
    const own = await this.#context.pins.get(relayId, name);
    const pinned = own ?? (await this.#pinElsewhere(relayId, name));
    if (own === undefined && (pinned === undefined || isSame(pinned, found))) {
      await this.#context.pins.put(relayId, name, found);
      this.#context.onStatus({ type: 'pin', relayId, name, ...found });
      return;
    }
    if (pinned === undefined || isSame(pinned, found)) return;
    throw new SealaneError('ERR_E2EE_PIN', `the name ${name} stood for another owner when it was first used`, {
      details: { name, relayId, pinned: { ...pinned }, found },
    });
  }

  /** What the name stood for at another relay of this client: one of them alone cannot give it away. */
  async #pinElsewhere(relayId: string, name: string): Promise<NamePin | undefined> {
    for (const other of this.#relayIds()) {
      const pin = other === relayId ? undefined : await this.#context.pins.get(other, name);
      if (pin !== undefined) return pin;
    }
    return undefined;
  }
}

function isSame(a: NamePin, b: NamePin): boolean {
  return a.id === b.id && a.service === b.service;
}

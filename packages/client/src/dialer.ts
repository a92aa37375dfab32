import { bytesEqual } from '@sealane/crypto';
import { isSealaneError, isService, ProofKind, SealaneError, Suite } from '@sealane/types';
import { type AddressParts, checkedTarget, type DialTarget, parseAddress } from './address.js';
import type { ClientContext } from './client-context.js';
import type { ConnectionBook } from './connection-book.js';
import { dialSession } from './handshake/dialer-handshaker.js';
import { present } from './link/present.js';
import type { RelayLink } from './link/relay-link.js';
import { DEFAULT_ALPN, type DialOptions, type DialTicket, type OpenStreamOptions } from './options.js';
import { ConnectionPool, type PoolHooks, poolKey } from './pool.js';
import type { RelaySites } from './relays/relay-sites.js';
import type { FoundOwner, Resolver } from './resolver.js';
import type { ResumeLinks } from './resume/resumer.js';
import type { SecureConnection } from './session/secure-connection.js';
import type { SecureStream } from './session/secure-stream.js';

/** A dial whose link ends before message 2 starts over this often. */
const MAX_DIAL_ATTEMPTS = 5;

/** For a question beside the search for another path. */
const ASK_AGAIN_MS = 10_000;

/** Addresses whose parts are remembered. */
const MAX_PARSED = 256;

interface DialPlan {
  readonly target: AddressParts;
  readonly service: string;
  readonly alpn: readonly string[];
  readonly suites: readonly Suite[];
  readonly accessSecret: Uint8Array | undefined;
  readonly minEpoch: number;
  readonly ticket: DialTicket | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface DialerOptions {
  readonly context: ClientContext;
  readonly resolver: Resolver;
  readonly sites: RelaySites;
  readonly links: ResumeLinks;
  readonly isClosing: () => boolean;
  readonly connections: ConnectionBook;
}

/** The dialing half of a client: from an address to a pooled session with room. */
export class Dialer {
  readonly #options: DialerOptions;
  readonly #resolver: Resolver;
  readonly #pool: ConnectionPool;
  readonly #parsed = new Map<string, AddressParts>();
  /** Owners that are being asked whether they are still the same process. */
  readonly #asked = new Set<string>();

  constructor(options: DialerOptions) {
    this.#options = options;
    this.#resolver = options.resolver;
    this.#pool = new ConnectionPool(options.context.clock);
  }

  async dial(address: string | DialTarget, options: DialOptions): Promise<SecureConnection> {
    const plan = this.#plan(address, options);
    if (options.fresh === true) return await this.#dialUnder(plan, plan.signal, undefined);
    return await this.#pooled(plan);
  }

  async openStream(address: string | DialTarget, options: DialOptions & OpenStreamOptions): Promise<SecureStream> {
    const plan = this.#plan(address, options);
    for (;;) {
      const connection = await this.#pooled(plan);
      // Another caller may have taken the last stream between the two.
      if (connection.freeStreams > 0) return connection.openStreamNow(options);
    }
  }

  async lookup(nameOrId: string, service: string, signal: AbortSignal | undefined): Promise<FoundOwner> {
    const link = await this.#options.sites.acquireLink({ signal });
    return await this.#resolver.lookup(link, nameOrId, service, signal);
  }

  #plan(address: string | DialTarget, options: DialOptions): DialPlan {
    const target = typeof address === 'string' ? this.#parse(address) : checkedTarget(address);
    if (target.id === undefined && target.name === undefined) {
      throw new SealaneError('ERR_ADDRESS_INVALID', 'the address names nobody');
    }
    const service = options.service ?? target.service ?? '';
    if (!isService(service)) throw new SealaneError('ERR_ARGUMENT', 'the service is not one');
    return {
      target,
      service,
      alpn: options.alpn ?? [DEFAULT_ALPN],
      suites: options.suites ?? [Suite.HYBRID],
      accessSecret: options.accessSecret ?? target.accessSecret,
      minEpoch: Math.max(options.minEpoch ?? 0, target.minEpoch ?? 0),
      ticket: options.ticket,
      signal: options.signal,
    };
  }

  /** One address is dialed thousands of times, and reading its ids costs a curve operation each. */
  #parse(text: string): AddressParts {
    const known = this.#parsed.get(text);
    if (known !== undefined) return known;
    const target = parseAddress(text);
    if (this.#parsed.size >= MAX_PARSED) this.#parsed.clear();
    this.#parsed.set(text, target);
    return target;
  }

  async #pooled(plan: DialPlan): Promise<SecureConnection> {
    const { target, minEpoch, signal } = plan;
    const owner =
      target.id !== undefined
        ? { id: target.id, service: plan.service }
        : (this.#knownName(target.name!) ?? (await this.#resolveName(target.name!, signal)));
    const { alpn, suites, accessSecret } = plan;
    const ticket = plan.ticket?.whole;
    const key = poolKey({ ownerId: owner.id, service: owner.service, alpn, suites, accessSecret, ticket });
    const found = this.#pool.pick(key, minEpoch);
    if (found !== undefined) return found;
    // The owner is settled here, whichever relay carries the dial: the pool is keyed by it.
    const settled = { ...plan, target: { ...target, id: owner.id }, service: owner.service };
    return await this.#pool.get(key, minEpoch, (stop, hooks) => this.#dialUnder(settled, stop, hooks), signal);
  }

  /** A relay that does not know the name, or does not answer, leaves it to the next one. */
  async #resolveName(name: string, signal: AbortSignal | undefined): Promise<{ id: string; service: string }> {
    const { sites } = this.#options;
    const refused = new Set<string>();
    let refusal: unknown;
    for (;;) {
      const link = await sites.acquireLink({ signal, avoid: refused });
      const site = sites.siteOf(link);
      if (refusal !== undefined && (site === undefined || refused.has(site.url))) throw refusal;
      try {
        return await this.#resolver.resolveName(link, name, signal);
      } catch (error) {
        const isRelays = isSealaneError(error) && /^ERR_(RELAY|LINK)_/.test(error.code);
        if (!isRelays || site === undefined || sites.all.length === 1) throw error;
        refusal ??= error;
        refused.add(site.url);
      }
    }
  }

  /** What a name stood for when one of the relays was asked last; the best one first. */
  #knownName(name: string): { readonly id: string; readonly service: string } | undefined {
    for (const { relayId } of this.#options.sites.all) {
      const known = this.#resolver.known(relayId, name);
      if (known !== undefined) return known;
    }
    return undefined;
  }

  async #dialUnder(
    plan: DialPlan,
    signal: AbortSignal | undefined,
    hooks: PoolHooks | undefined,
  ): Promise<SecureConnection> {
    const { sites, isClosing } = this.#options;
    const refused = new Set<string>();
    let refusal: unknown;
    for (let attempt = 1; ; attempt++) {
      const link = await sites.acquireLink({ signal, avoid: refused });
      const site = sites.siteOf(link);
      // No relay is left that has not said no.
      if (refusal !== undefined && (site === undefined || refused.has(site.url))) throw refusal;
      try {
        const connection = await this.#dialOver(link, plan, signal, hooks);
        site?.report(true);
        return connection;
      } catch (error) {
        const { name } = plan.target;
        if (name !== undefined) this.#resolver.forget(name);
        if (attempt >= MAX_DIAL_ATTEMPTS || isClosing() || !isSealaneError(error)) throw error;
        if (error.code.startsWith('ERR_LINK_') && error.retryable) continue;
        // What a relay says is its own word: another one may have the owner.
        if (!error.code.startsWith('ERR_RELAY_') && !isSealaneError(error, 'ERR_E2EE_TIMEOUT')) throw error;
        refusal ??= error;
        if (site === undefined || sites.all.length === 1) throw error;
        site.report(false);
        refused.add(site.url);
      }
    }
  }

  async #dialOver(
    link: RelayLink,
    plan: DialPlan,
    signal: AbortSignal | undefined,
    hooks: PoolHooks | undefined,
  ): Promise<SecureConnection> {
    const { target, alpn, suites, accessSecret, minEpoch, ticket } = plan;
    const { context, connections, links } = this.#options;
    const startedMs = context.clock.nowMs();
    const { id, service } =
      target.id !== undefined
        ? { id: target.id, service: plan.service }
        : await this.#resolver.resolveName(link, target.name!, signal);
    const owner = await this.#resolver.keycertOf(link, id, service, minEpoch, signal);
    await present(link, ProofKind.TICKET, ticket?.bytes);
    const connection = await dialSession(context, {
      link,
      owner,
      service,
      alpn,
      suites,
      accessSecret,
      ticket,
      signal,
      links,
      onInterrupted: (interrupted, cause) => {
        hooks?.onChange(interrupted);
        connections.onInterrupted(interrupted, cause);
      },
      onResumed: (resumed, gapMs) => {
        hooks?.onChange(resumed);
        connections.onResumed(resumed, gapMs);
      },
      onResumeFailed: (lost, over) => void this.#askAgain(lost, over, plan),
      onChange: hooks?.onChange,
      onEnd: (ended, error) => {
        hooks?.onEnd(ended);
        connections.onEnd(ended, error);
      },
    });
    connections.add(connection);
    if (link.isUp) this.#giveUpOn(connection, link.relay.relayId, startedMs);
    return connection;
  }

  /**
   * A session could not be resumed. Where a relay that carried it shows another process of the owner, that one is asked
   * itself, over this relay: only its own answer ends what waits for the old one. Where the relay is wrong, nothing is lost
   * but a handshake.
   */
  async #askAgain(lost: SecureConnection, link: RelayLink, plan: DialPlan): Promise<void> {
    const { peerId, service, instance } = lost;
    const key = `${peerId}/${service}`;
    if (this.#asked.has(key) || this.#options.isClosing()) return;
    this.#asked.add(key);
    try {
      const signal = AbortSignal.timeout(ASK_AGAIN_MS);
      const found = await this.#resolver.lookup(link, peerId, service, signal);
      if (bytesEqual(found.instance, instance) || !lost.session.relayIds.has(link.relay.relayId)) return;
      // What is pooled may have come over another relay, whose word does not count here.
      await (await this.#dialOver(link, plan, signal, undefined)).close();
    } catch (error) {
      // The owner is away, or does not want us any more: the search goes on, until it is given up.
      if (!isSealaneError(error)) throw error;
    } finally {
      this.#asked.delete(key);
    }
  }

  /**
   * The owner answered as another process than before, over a relay that carried the old one: what waits for that process
   * waits in vain (v1.md, "Giving up").
   */
  #giveUpOn(connection: SecureConnection, relayId: string, startedMs: number): void {
    for (const other of [...this.#options.connections.open]) {
      const { suspendedSinceMs } = other;
      const isSameOwner =
        other.role === 'dialer' && other.peerId === connection.peerId && other.service === connection.service;
      if (!isSameOwner || suspendedSinceMs === undefined || suspendedSinceMs > startedMs) continue;
      if (other.session.relayIds.has(relayId) && !bytesEqual(other.instance, connection.instance))
        other.session.giveUp();
    }
  }
}

import { isSealaneError, isService, SealaneError, Suite } from '@sealane/types';
import { type AddressParts, checkedTarget, type DialTarget, parseAddress } from './address.js';
import type { ClientContext } from './client-context.js';
import { Handshaker } from './handshake/handshaker.js';
import type { RelayLink } from './link/relay-link.js';
import { DEFAULT_ALPN, type DialOptions, type OpenStreamOptions } from './options.js';
import { ConnectionPool, type PoolHooks, poolKey } from './pool.js';
import { type FoundOwner, Resolver } from './resolver.js';
import type { SecureConnection } from './session/secure-connection.js';
import type { SecureStream } from './session/secure-stream.js';

/** A dial whose link ends before message 2 starts over this often. */
const MAX_DIAL_ATTEMPTS = 5;

/** Addresses whose parts are remembered. */
const MAX_PARSED = 256;

interface DialPlan {
  readonly target: AddressParts;
  readonly service: string;
  readonly alpn: readonly string[];
  readonly suites: readonly Suite[];
  readonly accessSecret: Uint8Array | undefined;
  readonly minEpoch: number;
  readonly signal: AbortSignal | undefined;
}

export interface DialerOptions {
  readonly context: ClientContext;
  readonly acquireLink: (signal: AbortSignal | undefined) => Promise<RelayLink>;
  readonly relayId: () => string | undefined;
  readonly isClosing: () => boolean;
  readonly onConnection: (connection: SecureConnection) => void;
  readonly onConnectionEnd: (connection: SecureConnection, error: SealaneError | undefined) => void;
}

/** The dialing half of a client: from an address to a pooled session with room. */
export class Dialer {
  readonly #options: DialerOptions;
  readonly #resolver: Resolver;
  readonly #pool: ConnectionPool;
  readonly #parsed = new Map<string, AddressParts>();

  constructor(options: DialerOptions) {
    this.#options = options;
    this.#resolver = new Resolver(options.context);
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
    const link = await this.#options.acquireLink(signal);
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
        : (this.#resolver.known(this.#options.relayId(), target.name!) ??
          (await this.#resolveName(target.name!, signal)));
    const { alpn, suites, accessSecret } = plan;
    const key = poolKey({ ownerId: owner.id, service: owner.service, alpn, suites, accessSecret });
    const found = this.#pool.pick(key, minEpoch);
    if (found !== undefined) return found;
    return await this.#pool.get(key, minEpoch, (stop, hooks) => this.#dialUnder(plan, stop, hooks), signal);
  }

  async #resolveName(name: string, signal: AbortSignal | undefined): Promise<{ id: string; service: string }> {
    const link = await this.#options.acquireLink(signal);
    return await this.#resolver.resolveName(link, name, signal);
  }

  async #dialUnder(
    plan: DialPlan,
    signal: AbortSignal | undefined,
    hooks: PoolHooks | undefined,
  ): Promise<SecureConnection> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#dialOnce(plan, signal, hooks);
      } catch (error) {
        if (plan.target.name !== undefined) this.#resolver.forget(this.#options.relayId(), plan.target.name);
        const isPathLost = isSealaneError(error) && error.code.startsWith('ERR_LINK_') && error.retryable;
        if (!isPathLost || attempt >= MAX_DIAL_ATTEMPTS || this.#options.isClosing()) throw error;
      }
    }
  }

  async #dialOnce(
    plan: DialPlan,
    signal: AbortSignal | undefined,
    hooks: PoolHooks | undefined,
  ): Promise<SecureConnection> {
    const { target, alpn, suites, accessSecret, minEpoch } = plan;
    const link = await this.#options.acquireLink(signal);
    const { id, service } =
      target.id !== undefined
        ? { id: target.id, service: plan.service }
        : await this.#resolver.resolveName(link, target.name!, signal);
    const owner = await this.#resolver.keycertOf(link, id, service, minEpoch, signal);
    const connection = await Handshaker.dial(this.#options.context, {
      link,
      owner,
      service,
      alpn,
      suites,
      accessSecret,
      signal,
      onChange: hooks?.onChange,
      onEnd: (ended, error) => {
        hooks?.onEnd(ended);
        this.#options.onConnectionEnd(ended, error);
      },
    });
    this.#options.onConnection(connection);
    return connection;
  }
}

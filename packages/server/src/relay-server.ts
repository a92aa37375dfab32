import type { Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import { loadCrypto } from '@sealane/crypto';
import type { MuxStream } from '@sealane/mux';
import type { ControlMessage } from '@sealane/protocol';
import {
  GoAwayCode,
  isSealaneError,
  MessageKind,
  type MessageLink,
  RelayCode,
  relayError,
  SealaneError,
  type Timer,
} from '@sealane/types';
import { AuthQueue } from './auth-queue.js';
import { ConnectionHandler } from './connection-handler.js';
import type { RefusalStage } from './event.js';
import { ForwardingHandler } from './forwarding-handler.js';
import { createRelayHttpServer, listen } from './http-server.js';
import { IdentityUsage } from './identity-usage.js';
import { createLeaseStore } from './journaled-lease-store.js';
import { LeaseHandler } from './lease-handler.js';
import { LeaseManager } from './lease-manager.js';
import type { RelayLimits } from './limits.js';
import { type LinkHost, RelayLink } from './link.js';
import { ListHandler } from './list-handler.js';
import { changeLimits } from './live-limits.js';
import type {
  RelayAddress,
  RelayAttachOptions,
  RelayListenOptions,
  RelayServerOptions,
  RelayStatistics,
} from './options.js';
import { createRelayConfig, type RelayConfig } from './relay-config.js';
import { SocketLimits } from './socket-limits.js';
import { SocketMemory } from './socket-memory.js';
import { WebSocketDoor } from './websocket-door.js';
import { wireRefusal } from './wire-refusal.js';

const TICK_MS = 1_000;
/** After it what is left of the sockets is cut. */
const CLOSE_GRACE_MS = 500;
const RETRY_AFTER_MS = 1_000;

/**
 * A relay: leases, requests for connections, and forwarding of bytes that it cannot read (v1.md, "Client and relay").
 * It serves the WebSockets of servers it is attached to, or listens itself. Close it to give everything back.
 */
export class RelayServer implements LinkHost, AsyncDisposable {
  readonly #config: RelayConfig;
  readonly #sockets: SocketLimits;
  readonly #door: WebSocketDoor;
  readonly #queue: AuthQueue;
  readonly #leaseQueue: AuthQueue;
  readonly #usage: IdentityUsage;
  readonly #leases: LeaseManager;
  readonly #leaseHandler: LeaseHandler;
  readonly #listHandler: ListHandler;
  readonly #connections: ConnectionHandler;
  readonly #socketMemory: SocketMemory;
  readonly #forwarding: ForwardingHandler;
  /** All links, those before their authentication among them. */
  readonly #links = new Set<RelayLink>();
  readonly #detach: (() => void)[] = [];
  readonly #servers: Server[] = [];
  readonly #stopped: Promise<void>[] = [];
  #upLinks = 0;
  #timer: Timer | undefined;
  #closing: Promise<void> | undefined;

  private constructor(config: RelayConfig, options: RelayServerOptions) {
    this.#config = config;
    const { limits, clock, reporter, budget } = config;
    this.#sockets = new SocketLimits(limits, clock, reporter);
    this.#queue = new AuthQueue(clock, limits.authCpuShare);
    this.#leaseQueue = new AuthQueue(clock, limits.authCpuShare);
    this.#usage = new IdentityUsage(config);
    this.#leases = new LeaseManager(config, options.leaseStore ?? createLeaseStore(limits, clock, options.names));
    this.#leaseHandler = new LeaseHandler(config, this.#leases, this.#leaseQueue);
    this.#listHandler = new ListHandler(config, this.#leases);
    this.#forwarding = new ForwardingHandler(config, this.#usage);
    this.#connections = new ConnectionHandler(config, {
      leases: this.#leases,
      usage: this.#usage,
      forwarding: this.#forwarding,
    });
    this.#socketMemory = new SocketMemory(limits.memoryBudgetBytes / 2, budget);
    this.#door = new WebSocketDoor({
      limits,
      clock,
      sockets: this.#sockets,
      reporter,
      memory: this.#socketMemory,
      onLink: (link, onUp) => this.accept(link, onUp),
    });
    this.#scheduleTick();
  }

  /**
   * Loads the cryptography and makes a relay that serves nobody yet.
   * @throws ERR_ARGUMENT for a limit or an authority that is not one
   */
  static async create(options: RelayServerOptions): Promise<RelayServer> {
    await loadCrypto();
    return new RelayServer(createRelayConfig(options), options);
  }

  /** The relay's id: what URLs pin after `#`, and leases name. */
  get id(): string {
    return this.#config.identity.id;
  }

  /**
   * Serves the upgrades of a server that the caller owns, also of one with TLS. Its header timeout and size are the
   * caller's matter; all other limits apply from the upgrade on.
   */
  attach(server: Server | SecureServer, options: RelayAttachOptions = {}): void {
    this.#assertOpen();
    this.#detach.push(this.#door.attach(server, options.path ?? '/'));
  }

  /** Listens on an address of its own, without TLS. @throws ERR_LISTEN */
  async listen(options: RelayListenOptions): Promise<RelayAddress> {
    this.#assertOpen();
    const { limits, reporter } = this.#config;
    const server = createRelayHttpServer(limits, this.#sockets, this.#door, reporter);
    this.#detach.push(this.#door.attach(server, options.path ?? '/'));
    const address = await listen(server, options, reporter);
    this.#servers.push(server);
    return address;
  }

  /** Serves one more link, over any transport that carries messages. `onUp` is called once it is authenticated. */
  accept(transport: MessageLink, onUp?: () => void): RelayLink {
    const link = new RelayLink(this.#config, this, transport, this.#queue, onUp);
    this.#links.add(link);
    return link;
  }

  /** The limits in force now. */
  get limits(): RelayLimits {
    return { ...this.#config.limits };
  }

  /**
   * Changes limits while the relay serves, all of them or none. What is open above a lowered limit of links, sessions,
   * unauthenticated sockets or memory ends; rates hold at once, the rest for what comes after (`maxHeaderBytes`: for
   * servers made after it). No other link or session notices anything.
   * @throws ERR_ARGUMENT for what is no limit or no value of it
   */
  setLimits(changes: Partial<RelayLimits>): void {
    const relay = {
      config: this.#config,
      parts: [this.#sockets, this.#usage, this.#leases, this.#forwarding],
      queues: [this.#queue, this.#leaseQueue],
      memory: this.#socketMemory,
      links: this.#links,
      servers: this.#servers,
    };
    changeLimits(relay, changes);
  }

  statistics(): RelayStatistics {
    const { budget, reporter } = this.#config;
    const { store } = this.#leases;
    return {
      sockets: this.#sockets.sockets,
      unauthenticated: this.#sockets.unauthenticated,
      links: this.#upLinks,
      leases: store.leaseCount,
      names: store.nameCount,
      sessions: this.#forwarding.sessionCount,
      waitingAccepts: this.#connections.waitingCount,
      relayedBytes: this.#forwarding.relayedBytes,
      budgetUsedBytes: budget.used,
      budgetLimitBytes: budget.limit,
      refusals: reporter.refusals,
    };
  }

  /**
   * Sends GOAWAY, takes no new connections and waits until the sessions have ended, at most `deadlineMs`
   * (default: the limit `drainMs`). Sockets stay open: {@link close} ends them.
   */
  async drain(options: { readonly deadlineMs?: number } = {}): Promise<void> {
    const { clock, limits } = this.#config;
    this.#connections.isDraining = true;
    this.#stopListening();
    for (const link of this.#links) link.goAway(GoAwayCode.DRAINING, RETRY_AFTER_MS);
    let timer: Timer | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = clock.schedule(options.deadlineMs ?? limits.drainMs, resolve);
    });
    await Promise.race([this.#forwarding.whenIdle(), deadline]);
    timer?.cancel();
  }

  /** Ends every link, and the servers that `listen` made. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal */
  onAuthenticated(link: RelayLink): void {
    if (this.#connections.isDraining) throw relayError(RelayCode.DRAINING);
    this.#usage.addLink(link);
    this.#leases.addLink(link);
    this.#upLinks++;
    this.#config.reporter.event({ type: 'link-open', link: link.id, client: link.clientId });
  }

  /** @internal */
  onRequest(link: RelayLink, message: ControlMessage): void {
    const request = 'request' in message ? message.request : 0;
    this.#answer(link, message).catch((error: unknown) => {
      const known = isSealaneError(error) ? error : new SealaneError('ERR_INTERNAL', undefined, { cause: error });
      if (known !== error) {
        this.#config.reporter.event({ type: 'fault', code: known.code, message: String(error) });
      }
      this.#config.reporter.refused(wireRefusal(known).code, stageOf(message));
      link.refuse(request, known);
    });
  }

  /** @internal */
  onOpen(link: RelayLink, stream: MuxStream, open: Uint8Array): void {
    this.#connections.open(link, stream, open);
  }

  /** @internal */
  onStreamMessage(_link: RelayLink, stream: MuxStream, body: Uint8Array): void {
    this.#connections.answer(stream, body);
  }

  /** @internal */
  onEnd(link: RelayLink, reason: string, wasUp: boolean): void {
    this.#links.delete(link);
    if (!wasUp) return;
    this.#upLinks--;
    this.#usage.removeLink(link);
    this.#leases.removeLink(link);
    this.#config.reporter.event({ type: 'link-close', link: link.id, client: link.clientId, reason });
  }

  async #answer(link: RelayLink, message: ControlMessage): Promise<void> {
    const { kind } = message;
    if (kind === MessageKind.LOOKUP) return await this.#connections.lookup(link, message);
    if (kind === MessageKind.LIST) return await this.#listHandler.list(link, message);
    if (kind === MessageKind.REGISTER) {
      if (this.#connections.isDraining) throw relayError(RelayCode.DRAINING);
      return await this.#leaseHandler.register(link, message);
    }
    if (kind === MessageKind.RENEW) {
      const { ttlMs } = await this.#leases.renew(link, message.service, message.sequence);
      return link.send({ kind: MessageKind.RENEWED, request: message.request, ttlMs });
    }
    if (kind === MessageKind.RELEASE) {
      await this.#leases.release(link, message.service, message.sequence);
      return link.send({ kind: MessageKind.RELEASED, request: message.request });
    }
    throw relayError(RelayCode.MALFORMED, 'a client does not send this message');
  }

  #scheduleTick(): void {
    this.#timer = this.#config.clock.schedule(TICK_MS, () => {
      if (this.#closing !== undefined) return;
      this.#scheduleTick();
      this.#tick();
    });
  }

  #tick(): void {
    const { clock, reporter, budget } = this.#config;
    const nowMs = clock.nowMs();
    this.#sockets.sweep();
    budget.endStalled(nowMs);
    this.#connections.tick(nowMs);
    for (const link of this.#links) link.tick(nowMs);
    this.#leases.expire().catch((error: unknown) => {
      reporter.event({ type: 'fault', code: 'ERR_INTERNAL', message: String(error) });
    });
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new SealaneError('ERR_CLOSED', 'the relay is closed');
  }

  async #close(): Promise<void> {
    this.#connections.isDraining = true;
    this.#timer?.cancel();
    this.#queue.close();
    this.#leaseQueue.close();
    for (const detach of this.#detach) detach();
    this.#stopListening();
    for (const server of this.#servers) server.closeIdleConnections();
    const links = [...this.#links];
    for (const link of links) link.close();
    const { clock } = this.#config;
    const grace = clock.schedule(CLOSE_GRACE_MS, () => {
      for (const link of links) link.abort();
      this.#door.abortAll();
      for (const server of this.#servers) server.closeAllConnections();
    });
    await Promise.all([...this.#stopped, this.#door.whenEmpty()]);
    grace.cancel();
  }

  /** Once per server: a second close() of one says at once that it is closed, while its sockets are still open. */
  #stopListening(): void {
    if (this.#stopped.length > 0) return;
    for (const server of this.#servers) {
      this.#stopped.push(new Promise((resolve) => server.close(() => resolve())));
    }
  }
}

function stageOf({ kind }: ControlMessage): RefusalStage {
  return kind === MessageKind.LOOKUP || kind === MessageKind.LIST ? 'lookup' : 'lease';
}

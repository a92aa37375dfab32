import type { Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import { loadCrypto } from '@sealane/crypto';
import type { MuxStream } from '@sealane/mux';
import type { ControlMessage } from '@sealane/protocol';
import { GoAwayCode, type MessageLink, RelayCode, relayError, SealaneError, type Timer } from '@sealane/types';
import { AdmissionGate } from './admission-gate.js';
import { ConnectTurns } from './connect-turns.js';
import { ConnectionHandler } from './connection-handler.js';
import { ForwardingHandler } from './forwarding-handler.js';
import { createRelayHttpServer, listen } from './http-server.js';
import { RelayInspection } from './inspection.js';
import { createLeaseStore } from './journaled-lease-store.js';
import { LeaseHandler } from './lease-handler.js';
import { LeaseManager } from './lease-manager.js';
import type { RelayLimits } from './limits.js';
import { RelayLink } from './link.js';
import type { LinkHost, LinkOrigin } from './link-host.js';
import { ListHandler } from './list-handler.js';
import { ListeningServers } from './listening-servers.js';
import { changeLimits } from './live-limits.js';
import { collectMetrics, collectStatistics, type MeasuredParts } from './metrics/collect-metrics.js';
import type { RelayMetrics } from './metrics/relay-metrics.js';
import type {
  RelayAddress,
  RelayAttachOptions,
  RelayListenOptions,
  RelayServerOptions,
  RelayStatistics,
} from './options.js';
import { type BanList, banError } from './policy/ban-list.js';
import { PolicyEnforcer } from './policy/policy-enforcer.js';
import type { ReservedName } from './policy/reserved-names.js';
import { UsagePolicy } from './policy/usage-policy.js';
import { describeFault } from './refusals.js';
import { createRelayConfig, type RelayConfig } from './relay-config.js';
import { RelayOperations } from './relay-operations.js';
import { RequestHandler } from './request-handler.js';
import { SocketLimits } from './socket-limits.js';
import { SocketMemory } from './socket-memory.js';
import { WebSocketDoor } from './websocket-door.js';
import { WorkShares } from './work-shares.js';

const TICK_MS = 1_000;
/** After it what is left of the sockets is cut. */
const CLOSE_GRACE_MS = 500;
const RETRY_AFTER_MS = 1_000;

/**
 * A relay: leases, requests for connections, and forwarding of bytes that it cannot read (v1.md, "Client and relay").
 * It serves the WebSockets of servers it is attached to, or listens itself. Close it to give everything back.
 */
export class RelayServer implements LinkHost, AsyncDisposable {
  /** Who uses it now. */
  readonly inspection: RelayInspection;
  /** What its operator ends by hand. */
  readonly operations: RelayOperations;
  readonly #config: RelayConfig;
  readonly #sockets: SocketLimits;
  readonly #door: WebSocketDoor;
  readonly #work: WorkShares;
  readonly #usage: UsagePolicy;
  readonly #enforcer: PolicyEnforcer;
  readonly #leases: LeaseManager;
  readonly #gate: AdmissionGate;
  readonly #requests: RequestHandler;
  readonly #connections: ConnectionHandler;
  readonly #socketMemory: SocketMemory;
  readonly #forwarding: ForwardingHandler;
  /** All links, those before their authentication among them. */
  readonly #links = new Set<RelayLink>();
  readonly #measured: MeasuredParts;
  readonly #detach: (() => void)[] = [];
  readonly #servers = new ListeningServers();
  #upLinks = 0;
  #timer: Timer | undefined;
  #closing: Promise<void> | undefined;

  private constructor(config: RelayConfig, options: RelayServerOptions) {
    this.#config = config;
    const { limits, clock, reporter, budget } = config;
    this.#work = new WorkShares(limits, clock);
    this.#usage = new UsagePolicy(config);
    this.#sockets = new SocketLimits({ ...config, rules: config.proxies, addresses: this.#usage.addresses });
    this.#leases = new LeaseManager(config, options.leaseStore ?? createLeaseStore(limits, clock, options.names));
    this.#leases.onCount = (lease, delta) => (delta > 0 ? this.#usage.addLease(lease) : this.#usage.removeLease(lease));
    this.#gate = new AdmissionGate(config, options, { leases: this.#leases, queue: this.#work.leases });
    this.#forwarding = new ForwardingHandler(config, this.#usage);
    this.#connections = new ConnectionHandler(config, {
      leases: this.#leases,
      usage: this.#usage,
      forwarding: this.#forwarding,
      gate: this.#gate,
      turns: new ConnectTurns(this.#work.connects),
    });
    this.#requests = new RequestHandler(config, {
      usage: this.#usage,
      leases: this.#leases,
      gate: this.#gate,
      leaseHandler: new LeaseHandler(config, {
        leases: this.#leases,
        usage: this.#usage,
        queue: this.#work.leases,
        gate: this.#gate,
      }),
      listHandler: new ListHandler(config, this.#leases),
      connections: this.#connections,
    });
    this.#socketMemory = new SocketMemory(limits.memoryBudgetBytes / 2, budget);
    this.#door = new WebSocketDoor({
      limits,
      clock,
      sockets: this.#sockets,
      reporter,
      memory: this.#socketMemory,
      arrivals: this.#work.arrivals,
      onLink: (link, onUp, origin) => this.accept(link, { onUp, usage: origin?.usage, ip: origin?.address.ip }),
    });
    const open = { config, usage: this.#usage, sockets: this.#sockets, leases: this.#leases, links: this.#links };
    this.#enforcer = new PolicyEnforcer(open);
    this.inspection = new RelayInspection({ ...open, forwarding: this.#forwarding });
    this.operations = new RelayOperations({ ...open, forwarding: this.#forwarding, enforcer: this.#enforcer });
    this.#measured = {
      ...open,
      work: this.#work,
      gate: this.#gate,
      connections: this.#connections,
      forwarding: this.#forwarding,
      socketMemory: this.#socketMemory,
      upLinks: () => this.#upLinks,
    };
    config.bans.onBan = (ban) => this.#enforcer.onBan(ban);
    this.#scheduleTick();
  }

  /**
   * Loads the cryptography and makes a relay that serves nobody yet.
   * @throws ERR_ARGUMENT for a limit or an authority that is not one
   */
  static async create(options: RelayServerOptions): Promise<RelayServer> {
    await loadCrypto();
    return new RelayServer(await createRelayConfig(options), options);
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
    const { reporter } = this.#config;
    const server = createRelayHttpServer({
      ...this.#config,
      sockets: this.#sockets,
      door: this.#door,
      arrivals: this.#work.arrivals,
      proxyProtocol: options.proxyProtocol === true,
    });
    this.#detach.push(this.#door.attach(server, options.path ?? '/'));
    const address = await listen(server, options, reporter);
    this.#servers.all.push(server);
    return address;
  }

  /** Who is not served, and the way to change it. */
  get bans(): BanList {
    return this.#config.bans;
  }

  /** The limits in force now. */
  get limits(): RelayLimits {
    return { ...this.#config.limits };
  }

  /**
   * Changes limits while the relay serves, all of them or none. They hold at once, also for what is open: above a lowered
   * limit the newest go, with the code that the next one gets (docs/limits.md; `maxHeaderBytes`: for servers made after
   * it). No other link or session notices anything.
   * @throws ERR_ARGUMENT for what is no limit or no value of it
   */
  setLimits(changes: Partial<RelayLimits>): void {
    const relay = {
      config: this.#config,
      // The books first: what the others ask of them has to be of the new limits.
      parts: [this.#usage, this.#sockets, this.#enforcer, this.#forwarding, this.#work],
      memory: this.#socketMemory,
      links: this.#links,
      servers: this.#servers.all,
    };
    changeLimits(relay, changes);
  }

  /** Other reserved names from now on; leases under them end at once. @throws ERR_ARGUMENT */
  setReservedNames(names: readonly ReservedName[]): void {
    this.#config.reservedNames.set(names);
    this.#enforcer.recheckLeases();
  }

  /** Other trusted proxies from now on, for new connections. @throws ERR_ARGUMENT */
  setTrustedProxies(networks: readonly string[]): void {
    this.#config.proxies.set(networks);
  }

  /** Serves one more link, over any transport that carries messages. */
  accept(transport: MessageLink, origin: LinkOrigin = {}): RelayLink {
    const link = new RelayLink(this.#config, this, transport, this.#work.auth, origin);
    this.#links.add(link);
    return link;
  }

  statistics(): RelayStatistics {
    return collectStatistics(this.#measured);
  }

  /** All that it counts, for monitoring; reading it costs the same for one client and for thousands. */
  metrics(): RelayMetrics {
    return collectMetrics(this.#measured);
  }

  /**
   * Sends GOAWAY, takes no new connections and waits until the sessions have ended, at most `deadlineMs`
   * (default: the limit `drainMs`). Sockets stay open: {@link close} ends them.
   */
  async drain(options: { readonly deadlineMs?: number } = {}): Promise<void> {
    const { clock, limits } = this.#config;
    this.#connections.isDraining = true;
    this.#servers.stop();
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
    const ban = this.#config.bans.findId(link.clientId);
    if (ban !== undefined) throw banError(ban, this.#config.clock.wallMs());
    this.#usage.addLink(link);
    this.#leases.addLink(link);
    this.#gate.addLink(link);
    this.#upLinks++;
    this.#config.reporter.event({ type: 'link-open', link: link.id, client: link.clientId });
  }

  /** @internal */
  onRequest(link: RelayLink, message: ControlMessage): void {
    this.#requests.receive(link, message);
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
    this.#gate.removeLink(link);
    this.#config.reporter.event({ type: 'link-close', link: link.id, client: link.clientId, reason });
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
    this.#usage.sweep();
    budget.endStalled(nowMs);
    this.#connections.tick(nowMs);
    this.#gate.tick(nowMs);
    for (const link of this.#links) link.tick(nowMs);
    const onFault = (error: unknown): void => {
      reporter.event({ type: 'fault', code: 'ERR_INTERNAL', message: describeFault(error) });
    };
    this.#leases.expire().catch(onFault);
    this.#config.bans.sweep().catch(onFault);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new SealaneError('ERR_CLOSED', 'the relay is closed');
  }

  async #close(): Promise<void> {
    this.#connections.isDraining = true;
    this.#timer?.cancel();
    this.#work.close();
    this.#usage.close();
    for (const detach of this.#detach) detach();
    this.#servers.stop();
    for (const server of this.#servers.all) server.closeIdleConnections();
    const links = [...this.#links];
    for (const link of links) link.close();
    const { clock } = this.#config;
    const grace = clock.schedule(CLOSE_GRACE_MS, () => {
      for (const link of links) link.abort();
      this.#door.abortAll();
      this.#sockets.destroyAll();
      for (const server of this.#servers.all) server.closeAllConnections();
    });
    await Promise.all([this.#servers.whenStopped(), this.#door.whenEmpty()]);
    grace.cancel();
  }
}

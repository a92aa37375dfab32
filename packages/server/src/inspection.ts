import type { IncomingMessage } from 'node:http';
import { requestAddress, tcpAddress } from './client-address.js';
import type { ForwardingHandler } from './forwarding-handler.js';
import type { LeaseManager, ServedLease } from './lease-manager.js';
import type { RelayLink } from './link.js';
import { firstPage, type Page, type PageQuery } from './page.js';
import type { UsagePolicy } from './policy/usage-policy.js';
import type { RelayConfig } from './relay-config.js';

/** A lease that a link serves now. */
export interface LeaseView {
  /** Text id of the owner. */
  readonly id: string;
  readonly service: string;
  readonly name: string | null;
  /** Id of the link, as in events. */
  readonly link: string;
  /** Where the owner comes from, as limits per address count it; null: not limited by address. */
  readonly address: string | null;
  readonly isPublic: boolean;
  readonly metadataBytes: number;
  readonly ttlMs: number;
  /** Until it ends, if it is not renewed. */
  readonly endsInMs: number;
  /** Relayed sessions under it, and requests that wait for the owner's answer. */
  readonly sessions: number;
  readonly waiting: number;
}

/** A relayed session. Who dials is usually somebody who is known by a key of one link alone. */
export interface SessionView {
  readonly session: number;
  readonly owner: string;
  readonly service: string;
  /** Null: there were too many to tell apart. */
  readonly dialer: string | null;
  readonly ownerAddress: string | null;
  readonly dialerAddress: string | null;
  readonly bytesToOwner: number;
  readonly bytesToDialer: number;
  /** By which both sides log it: a new session; null for another path of one. */
  readonly connection: string | null;
  /** The same for another path of a session. */
  readonly resume: string | null;
}

/** An identity with links that are up. */
export interface IdentityView {
  readonly id: string;
  readonly links: readonly { readonly link: string; readonly address: string | null }[];
  readonly leases: number;
  readonly sessions: number;
  /** Relayed bytes since midnight UTC; counted only while a limit for the day is set. */
  readonly dayBytes: number;
}

export interface InspectedParts {
  readonly config: RelayConfig;
  readonly usage: UsagePolicy;
  readonly leases: LeaseManager;
  readonly links: ReadonlySet<RelayLink>;
  readonly forwarding: ForwardingHandler;
}

const OTHERS = 'others';

/** Who uses a relay now, for its operator. Lists are read page by page, and a page costs one look at all of them. */
export class RelayInspection {
  readonly #parts: InspectedParts;

  constructor(parts: InspectedParts) {
    this.#parts = parts;
  }

  /** By id and service; of one identity where `id` says so. */
  leases(query: PageQuery & { readonly id?: string | undefined } = {}): Page<LeaseView> {
    const { leases } = this.#parts;
    const wanted =
      query.id === undefined ? leases.served() : leases.served().filter(({ record }) => record.id === query.id);
    return firstPage(
      wanted,
      ({ record }) => `${record.id} ${record.service}`,
      query,
      (lease) => this.#lease(lease),
    );
  }

  /** The oldest first; of one owner where `owner` says so. */
  sessions(query: PageQuery & { readonly owner?: string | undefined } = {}): Page<SessionView> {
    const { forwarding } = this.#parts;
    const wanted = [...forwarding.sessions()].filter(
      ({ ends }) => query.owner === undefined || ends.lease.record.id === query.owner,
    );
    return firstPage(
      wanted,
      ({ ends }) => String(ends.number).padStart(16, '0'),
      query,
      ({ ends, toOwner, toDialer }) => ({
        session: ends.number,
        owner: ends.lease.record.id,
        service: ends.lease.record.service,
        dialer: known(ends.use.dialer.identity.key),
        ownerAddress: known(ends.use.owner.address?.key),
        dialerAddress: known(ends.use.dialer.address?.key),
        bytesToOwner: toOwner.bytes,
        bytesToDialer: toDialer.bytes,
        connection: ends.trace.connection ?? null,
        resume: ends.trace.resume ?? null,
      }),
    );
  }

  /** By id. */
  identities(query: PageQuery = {}): Page<IdentityView> {
    const byId = new Map<string, RelayLink[]>();
    for (const link of this.#parts.links) {
      if (!link.isUp) continue;
      const ofId = byId.get(link.clientId);
      if (ofId === undefined) byId.set(link.clientId, [link]);
      else ofId.push(link);
    }
    return firstPage(
      byId,
      ([id]) => id,
      query,
      ([id, links]) => this.#identity(id, links),
    );
  }

  /** Undefined for an identity without a link. */
  identity(id: string): IdentityView | undefined {
    const links = [...this.#parts.links].filter((link) => link.isUp && link.clientId === id);
    return links.length === 0 ? undefined : this.#identity(id, links);
  }

  /**
   * Where limits per address would count a request to another server of the same operator: an address, the first 64 bits
   * of one of IPv6, or what a trusted proxy says of its client.
   */
  addressOf(request: IncomingMessage): string {
    const { proxies } = this.#parts.config;
    return requestAddress(tcpAddress(request.socket.remoteAddress, proxies), request.headers, proxies).key;
  }

  #lease({ record, link, endsAtMs, load }: ServedLease): LeaseView {
    const { id, service, name, metadata, ttlMs, signed } = record;
    return {
      id,
      service,
      name,
      link: link.id,
      address: known(link.origin.usage?.key),
      isPublic: signed !== null,
      metadataBytes: metadata.length,
      ttlMs,
      endsInMs: Math.max(0, Math.round(endsAtMs - this.#parts.config.clock.nowMs())),
      sessions: load.uses.size,
      waiting: load.waiting,
    };
  }

  #identity(id: string, links: readonly RelayLink[]): IdentityView {
    const { usage, config } = this.#parts;
    const used = usage.identities.find(id);
    return {
      id,
      links: links.map((link) => ({ link: link.id, address: known(link.origin.usage?.key) })),
      leases: used?.leases ?? 0,
      sessions: used?.sessions ?? 0,
      dayBytes: used?.dayBytes(config.clock.wallMs()) ?? 0,
    };
  }
}

/** Books that newcomers share where there is no room for more say nothing about one of them. */
function known(key: string | undefined): string | null {
  return key === undefined || key === OTHERS ? null : key;
}

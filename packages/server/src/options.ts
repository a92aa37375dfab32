import type { Credential, SigningKey } from '@sealane/crypto/credential';
import type { Clock, RandomBytes } from '@sealane/types';
import type { RelayEvent } from './event.js';
import type { LeaseStore } from './lease-store.js';
import type { RelayLimits } from './limits.js';
import type { NameJournal } from './name-journal.js';
import type { AdmissionPolicy } from './policy/admission.js';
import type { BanStore } from './policy/ban-store.js';
import type { ReservedName } from './policy/reserved-names.js';
import type { TicketUseStore } from './policy/ticket-use-store.js';

export interface RelayServerOptions {
  /** What URLs pin and leases name as their audience. Shared by the nodes of a cluster. */
  readonly identity: Credential;
  /** Signs AUTH_OK; belongs to this node alone. */
  readonly nodeKey: SigningKey;
  /** Epoch of the nodecert that the identity issues for the node key. Default 1. */
  readonly nodeEpoch?: number;
  /** Overrides of the defaults in docs/limits.md. */
  readonly limits?: Partial<RelayLimits>;
  /** `host:port` under which clients may dial this relay, lower case. Without any, every authority is taken. */
  readonly authorities?: readonly string[];
  /** Where leases and names are kept. Default: memory of this process. */
  readonly leaseStore?: LeaseStore;
  /** Where names are kept over restarts, for the store in memory. Default: nowhere. */
  readonly names?: NameJournal;
  /** Who may use the relay, see `@sealane/server/policy`. Default: everybody. */
  readonly policy?: AdmissionPolicy;
  /** Where uses of tickets are counted. Default: memory of this process. */
  readonly ticketUses?: TicketUseStore;
  /** Answers LIST with the leases whose owners made them public. Default true. */
  readonly listing?: boolean;
  /** Where bans are kept. Default: memory of this process. */
  readonly banStore?: BanStore;
  /** Names that not everybody may have. */
  readonly reservedNames?: readonly ReservedName[];
  /**
   * Addresses and networks (`10.0.0.0/8`) of proxies whose X-Forwarded-For, and PROXY data, is believed. Default: none,
   * also not this machine.
   */
  readonly trustedProxies?: readonly string[];
  /** Sockets of 127.0.0.1 and ::1 that no proxy passed on are not limited per address. Default true. */
  readonly exemptLoopback?: boolean;
  /** @internal LinkFeature bits to offer, as an older or a newer relay does. */
  readonly features?: number;
  readonly clock?: Clock;
  readonly random?: RandomBytes;
  /** For logs and metrics. Holds no payload and no secrets; what it throws is swallowed and counted. */
  readonly onEvent?: (event: RelayEvent) => void;
}

export interface RelayAttachOptions {
  /** Path of the WebSocket, compared exactly and without the query. Default `/`. */
  readonly path?: string;
}

export interface RelayListenOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly path?: string;
  /** Connections of trusted proxies begin with PROXY data of version 2, all of them. Default false. */
  readonly proxyProtocol?: boolean;
}

export interface RelayAddress {
  readonly host: string;
  readonly port: number;
  /** `ws://host:port`, IPv6 in brackets. */
  readonly url: string;
}

export interface RelayStatistics {
  /** Sockets known to this relay, those before their authentication among them. */
  readonly sockets: number;
  readonly unauthenticated: number;
  readonly links: number;
  readonly leases: number;
  readonly names: number;
  readonly sessions: number;
  /** Requests for a connection that wait for their owner's answer. */
  readonly waitingAccepts: number;
  /** Leases that wait for an operator's approval. */
  readonly pendingLeases: number;
  /** Payload bytes forwarded since the start, both directions together. */
  readonly relayedBytes: number;
  /** Taken from the memory budget now, and its size. */
  readonly budgetUsedBytes: number;
  readonly budgetLimitBytes: number;
  /** Refusals since the start by the name of their code, e.g. `NO_OWNER`. */
  readonly refusals: Readonly<Record<string, number>>;
}

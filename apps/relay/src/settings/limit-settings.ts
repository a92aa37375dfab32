import type { RelayLimits } from '@sealane/server';
import { RelayLimit } from '@sealane/types';
import {
  bytesSetting,
  countSetting,
  durationSetting,
  formatBytes,
  type Setting,
  type SettingApplies,
  SettingProblem,
  shareSetting,
} from './setting.js';

interface LimitFacts {
  readonly meaning: string;
  readonly applies: SettingApplies;
  /** What happens above it, and how that appears in the statistics. */
  readonly above?: string;
  readonly min?: number;
  readonly max?: number;
  /** Of the program, where it differs from the library's. */
  readonly default?: number;
}

const TEN_YEARS_MS = 315_360_000_000;

const share = { applies: 'live', above: 'they wait, addresses in turn', min: 0.001, max: 1 } as const;

/** One entry per limit of `RelayLimit`; a limit without one does not compile. Its kind follows from the end of its name. */
const facts: Readonly<Record<keyof RelayLimits, LimitFacts>> = {
  headersTimeoutMs: {
    meaning: 'time for the headers of an HTTP request',
    applies: 'live',
    above: 'HTTP 408, `HEADERS_TIMEOUT`',
    min: 100,
  },
  maxHeaderBytes: {
    meaning: 'headers of an HTTP request',
    applies: 'restart',
    above: 'HTTP 431, `HEADERS_TOO_LARGE`',
    min: 1_024,
    max: 1_048_576,
  },
  socketsPerAddress: {
    meaning: 'sockets of one IPv4 address or one IPv6 network of 64 bits',
    applies: 'live',
    above: 'HTTP 429, `SOCKETS_PER_ADDRESS`',
    min: 1,
  },
  newSocketsPerAddressPerSecond: {
    meaning: 'new sockets of one address per second',
    applies: 'live',
    above: 'HTTP 429, `NEW_SOCKETS_PER_ADDRESS`',
    min: 1,
  },
  leasesPerAddress: { meaning: 'leases of one address; 0: not limited', applies: 'live', above: '`LIMIT`' },
  sessionsPerAddress: {
    meaning: 'relayed sessions of one address, as dialer or owner; 0: not limited',
    applies: 'live',
    above: '`LIMIT`',
  },
  requestsPerAddressPerSecond: {
    meaning: 'requests of one address per second, counted as those of a link; 0: not limited',
    applies: 'live',
    above: '`BUSY`',
  },
  connectsPerAddressPerSecond: {
    meaning: 'CONNECT of one address per second; 0: not limited',
    applies: 'live',
    above: '`BUSY`',
  },
  bytesFromAddressPerSecond: {
    meaning: 'relayed bytes per second that clients of one address send; 0: not limited',
    applies: 'live',
    above: 'slowed down',
  },
  bytesToAddressPerSecond: {
    meaning: 'relayed bytes per second that clients of one address are sent; 0: not limited',
    applies: 'live',
    above: 'slowed down',
  },
  bytesPerAddressPerDay: {
    meaning: 'relayed bytes of one address from midnight to midnight UTC, both ways together; 0: not limited',
    applies: 'live',
    above: '`LIMIT`',
  },
  maxSockets: {
    meaning: 'sockets altogether; less where the system lets the process open few files',
    applies: 'live',
    above: 'HTTP 503, `SOCKETS`',
    min: 1,
  },
  authTimeoutMs: {
    meaning: 'time from the socket to AUTH',
    applies: 'live',
    above: 'closed, `AUTH_TIMEOUT`',
    min: 100,
  },
  maxUnauthenticated: {
    meaning: 'sockets before AUTH; above it one is dropped of the address that has most of them',
    applies: 'live',
    above: 'closed, `UNAUTHENTICATED`',
    min: 1,
  },
  arrivalCpuShare: {
    meaning: 'share of one core that new connections may take up to HELLO, about; above it they wait unread',
    ...share,
  },
  connectCpuShare: {
    meaning: 'share of one core that CONNECT may take, about, whoever asks; above it 4,096 wait',
    ...share,
    above: 'they wait, addresses in turn; `BUSY`',
  },
  authCpuShare: {
    meaning: 'share of one core that signature checks before AUTH may take, and half as much once more those of leases',
    ...share,
  },
  leasesPerIdentity: {
    meaning: 'leases of one identity; above it the newest are ended',
    applies: 'live',
    above: '`LIMIT`',
    min: 0,
  },
  linksPerIdentity: {
    meaning: 'links of one identity; above it the newest are closed',
    applies: 'live',
    above: '`LIMIT`',
    min: 1,
  },
  newLinksPerIdentityPerSecond: {
    meaning: 'new links of one identity per second; 0: not limited',
    applies: 'live',
    above: '`BUSY`',
  },
  requestsPerIdentityPerSecond: {
    meaning: 'requests of all links of one identity per second, counted as those of a link; 0: not limited',
    applies: 'live',
    above: '`BUSY`',
  },
  bytesFromIdentityPerSecond: {
    meaning: 'relayed bytes per second that one identity sends; 0: not limited',
    applies: 'live',
    above: 'slowed down',
  },
  bytesToIdentityPerSecond: {
    meaning: 'relayed bytes per second that one identity is sent; 0: not limited',
    applies: 'live',
    above: 'slowed down',
  },
  bytesPerIdentityPerDay: {
    meaning: 'relayed bytes of one identity from midnight to midnight UTC, both ways together; 0: not limited',
    applies: 'live',
    above: '`LIMIT`',
  },
  sessionsPerIdentity: {
    meaning: 'relayed sessions of one identity, as dialer or owner; above it the newest are ended',
    applies: 'live',
    above: '`LIMIT`',
    min: 0,
  },
  connectsPerIdentityPerSecond: {
    meaning: 'CONNECT per second of one dialing identity',
    applies: 'live',
    above: '`BUSY`',
    min: 1,
  },
  connectsPerLeasePerSecond: { meaning: 'CONNECT per second to one lease', applies: 'live', above: '`BUSY`', min: 1 },
  sessionsPerLease: { meaning: 'relayed sessions of one lease; 0: not limited', applies: 'live', above: '`LIMIT`' },
  bytesFromLeasePerSecond: {
    meaning: "relayed bytes per second from a lease's owner; 0: not limited",
    applies: 'live',
    above: 'slowed down',
  },
  bytesToLeasePerSecond: {
    meaning: "relayed bytes per second to a lease's owner; 0: not limited",
    applies: 'live',
    above: 'slowed down',
  },
  bytesPerLeasePerDay: {
    meaning: 'relayed bytes of one lease from midnight to midnight UTC, both ways together; 0: not limited',
    applies: 'live',
    above: '`LIMIT`',
  },
  streamsPerLink: {
    meaning: 'streams that one link may have open, per direction of opening',
    applies: 'new',
    above: '`BUSY`',
    min: 1,
  },
  requestsPerLinkPerSecond: {
    meaning: 'requests of one link per second; REGISTER counts as ten, LIST as two',
    applies: 'live',
    above: '`BUSY`',
    min: 1,
  },
  waitingAcceptsPerLease: {
    meaning: 'CONNECT to one lease that wait for an answer',
    applies: 'new',
    above: '`BUSY`',
    min: 1,
  },
  acceptTimeoutMs: {
    meaning: "time for the owner's answer to a CONNECT",
    applies: 'new',
    above: '`TIMEOUT`',
    min: 100,
  },
  leaseTtlMinMs: { meaning: 'shortest time granted to a lease', applies: 'new', above: 'raised to it', min: 1_000 },
  leaseTtlMaxMs: {
    meaning: 'longest time granted to a lease; holds from its next renewal',
    applies: 'live',
    above: 'cut to it',
    min: 1_000,
  },
  leaseTtlMs: { meaning: 'time that clients ask for by default', applies: 'new', min: 1_000 },
  maxLeases: { meaning: 'leases altogether', applies: 'new', above: '`BUSY`', min: 1 },
  maxLeaseBytes: {
    meaning: 'memory of all leases, each at its metadata plus 2 KiB, a public one at its signed bytes as well',
    applies: 'new',
    above: '`BUSY`',
    min: 65_536,
  },
  maxNames: { meaning: 'names altogether, kept ones among them', applies: 'new', above: '`BUSY`', min: 0 },
  namesPerIdentity: {
    meaning: 'names of one identity, kept ones among them',
    applies: 'new',
    above: '`LIMIT`',
    min: 0,
  },
  nameMinLength: {
    meaning: 'characters of a name, at least',
    applies: 'live',
    above: '`NAME_INVALID`',
    min: 1,
    max: 40,
  },
  nameMaxLength: {
    meaning: 'characters of a name, at most; 0: no names',
    applies: 'live',
    above: '`NAME_INVALID`',
    min: 0,
    max: 40,
  },
  maxMetadataBytes: { meaning: 'metadata of a lease', applies: 'live', above: '`LEASE_INVALID`', min: 0, max: 4_096 },
  nameGraceMs: {
    meaning: 'time for which a name is kept for its owner after the lease',
    applies: 'new',
    above: '`NAME_TAKEN` for others',
    min: 0,
    max: TEN_YEARS_MS,
  },
  takeOverPingMs: {
    meaning: 'time in which the holder of a lease must answer before another instance gets it',
    applies: 'new',
    above: '`LEASE_IN_USE`',
    min: 100,
  },
  maxSequenceAheadMs: {
    meaning: "how far a lease's sequence number may lie ahead of the relay's clock",
    applies: 'new',
    above: '`LEASE_INVALID`',
    min: 1_000,
    max: TEN_YEARS_MS,
  },
  maxTracked: {
    meaning:
      'addresses, identities and leases, each, whose use is remembered; where there is no room one goes that uses nothing and is not limited, else newcomers share one count',
    applies: 'live',
    min: 1_000,
    max: 1_000_000,
  },
  memoryBudgetBytes: {
    meaning:
      'memory of all windows and socket queues; from half of it no window grows, from three quarters new streams are refused, above it streams are reset',
    applies: 'live',
    above: '`BUSY`; sockets above their half: closed, `SOCKET_MEMORY`',
    min: 8_388_608,
  },
  maxQueuedBytes: {
    meaning: 'bytes waiting in one socket above which nothing more is taken from its streams',
    applies: 'live',
    above: 'its streams wait',
    min: 16_384,
    max: 67_108_864,
  },
  linkIdleDeadMs: {
    meaning: 'time without a byte received after which a link is dead',
    applies: 'live',
    above: 'closed, `LINK_DEAD`',
    min: 1_000,
  },
  linkBusyDeadMs: {
    meaning: 'the same while bytes wait and none leaves',
    applies: 'live',
    above: 'closed, `LINK_DEAD`',
    min: 1_000,
  },
  pingIntervalMs: { meaning: 'silence after which the relay sends a PING', applies: 'live', min: 1_000 },
  drainMs: {
    meaning: 'time that sessions have when the relay stops',
    applies: 'live',
    above: 'closed',
    default: 5_000,
    max: 3_600_000,
  },
};

const flags: Readonly<Record<string, string>> = { drainMs: '--drain SECONDS' };

/** The settings `limits.*`, in the order of docs/limits.md. */
export const limitSettings: { readonly [Name in keyof RelayLimits]: Setting<number> } = Object.fromEntries(
  Object.entries(facts).map(([name, entry]) => [name, limitSetting(name as keyof RelayLimits, entry)]),
) as { readonly [Name in keyof RelayLimits]: Setting<number> };

/** What happens above each limit, for docs/limits.md. */
export const aboveLimit: Readonly<Record<string, string | undefined>> = Object.fromEntries(
  Object.entries(facts).map(([name, { above }]) => [name, above]),
);

/** 0, or as much that a record of 64 KiB gets through before its session gives its path up. */
const MIN_BYTES_PER_SECOND = 16_384;

function byteRateSetting(facts: Parameters<typeof bytesSetting>[0]): Setting<number> {
  const setting = bytesSetting(facts);
  const read = (raw: unknown): number => {
    const value = setting.read(raw);
    if (value > 0 && value < MIN_BYTES_PER_SECOND) {
      throw new SettingProblem(
        'range',
        `is ${formatBytes(value)}; write 0 or at least ${formatBytes(MIN_BYTES_PER_SECOND)}`,
      );
    }
    return value;
  };
  return { ...setting, read };
}

function limitSetting(name: keyof RelayLimits, { above: _, ...entry }: LimitFacts): Setting<number> {
  const flag = flags[name];
  const common = {
    path: `limits.${name}`,
    ...entry,
    default: entry.default ?? RelayLimit[name],
    ...(flag === undefined ? {} : { flag }),
  };
  if (name.startsWith('bytes')) return name.endsWith('PerSecond') ? byteRateSetting(common) : bytesSetting(common);
  if (name.endsWith('Ms')) return durationSetting(common);
  if (name.endsWith('Bytes')) return bytesSetting(common);
  return name.endsWith('Share') ? shareSetting(common) : countSetting(common);
}

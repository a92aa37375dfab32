import { encodeId, parseId } from '@sealane/crypto/credential';
import { isName, SealaneError } from '@sealane/types';
import { formatIpAddress, parseIpAddress } from './ip-address.js';
import { formatNetwork, type IpNetwork, networkOf, parseNetwork } from './ip-network.js';

/** `address` is an IPv4 address or the /64 of an IPv6 address; `network` is exactly the prefix that is named. */
export type BanKind = 'id' | 'name' | 'address' | 'network';

/** Somebody whom the relay does not serve. */
export interface Ban {
  readonly kind: BanKind;
  /** The id, the name, the address or the network, in the one way to write it. */
  readonly value: string;
  /** Told to whom it concerns. At most 200 characters. */
  readonly reason: string;
  /** Unix time in milliseconds. */
  readonly createdAtMs: number;
  /** Who banned, as the caller calls it; never told to clients. */
  readonly createdBy: string;
  /** Unix time in milliseconds from which it is over; null: until it is lifted. */
  readonly expiresAtMs: number | null;
}

/** What a caller says of a ban. */
export interface BanOptions {
  readonly kind: BanKind;
  readonly value: string;
  /** Control characters become spaces. Default: none. */
  readonly reason?: string;
  readonly createdBy?: string;
  /** Unix time in milliseconds. Default: never. */
  readonly expiresAtMs?: number | null;
}

const MAX_REASON_LENGTH = 200;
const ADDRESS_BITS_IPV6 = 64;

/**
 * The ban in its one form.
 * @throws ERR_ARGUMENT, ERR_ID_INVALID for a value that is not what the kind says, a reason that is too long, a time that has passed
 */
export function parseBan(options: BanOptions, nowWallMs: number): Ban {
  const { kind, reason = '', createdBy = '', expiresAtMs = null } = options;
  if (reason.length > MAX_REASON_LENGTH) {
    throw new SealaneError('ERR_ARGUMENT', `the reason of a ban has at most ${MAX_REASON_LENGTH} characters`);
  }
  if (expiresAtMs !== null && !(Number.isFinite(expiresAtMs) && expiresAtMs > nowWallMs)) {
    throw new SealaneError('ERR_ARGUMENT', 'the time at which the ban is over has passed, or is none');
  }
  return {
    kind,
    value: banValue(kind, options.value),
    reason: reason.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, ' ').trim(),
    createdAtMs: nowWallMs,
    createdBy,
    expiresAtMs,
  };
}

/** The one way to write what is banned. @throws ERR_ARGUMENT, ERR_ID_INVALID */
export function banValue(kind: BanKind, value: string): string {
  switch (kind) {
    case 'id':
      return encodeId(parseId(value));
    case 'name': {
      const name = value.toLowerCase();
      if (!isName(name)) throw new SealaneError('ERR_ARGUMENT', `"${value}" is not a name`);
      return name;
    }
    case 'address': {
      const address = parseIpAddress(value);
      if (address === undefined) throw new SealaneError('ERR_ARGUMENT', `"${value}" is not an address`);
      return formatIpAddress(address);
    }
    case 'network':
      return formatNetwork(parseNetwork(value));
    default:
      throw new SealaneError('ERR_ARGUMENT', `"${String(kind)}" cannot be banned; it is id, name, address or network`);
  }
}

/** The addresses that a ban of an address or a network concerns; undefined for other bans. */
export function bannedNetwork({ kind, value }: Pick<Ban, 'kind' | 'value'>): IpNetwork | undefined {
  if (kind === 'network') return parseNetwork(value);
  const address = kind === 'address' ? parseIpAddress(value) : undefined;
  if (address === undefined) return undefined;
  return networkOf(address, address.length === 4 ? 32 : ADDRESS_BITS_IPV6);
}

/** What is told to whom it concerns, e.g. `this address is banned until 2026-11-27T00:00:00.000Z: spam`. */
export function banText({ kind, reason, expiresAtMs }: Ban): string {
  const what = kind === 'id' ? 'identity' : kind;
  const until = expiresAtMs === null ? '' : ` until ${new Date(expiresAtMs).toISOString()}`;
  // Half of a character cannot be written into a header.
  const why = reason.replace(/\p{Cs}/gu, '');
  return `this ${what} is banned${until}${why === '' ? '' : `: ${why}`}`;
}

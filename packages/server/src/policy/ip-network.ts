import { SealaneError } from '@sealane/types';
import { formatIpAddress, type IpAddress, parseIpAddress, prefixKey } from './ip-address.js';

/** All addresses with the same first `bits`. */
export interface IpNetwork {
  readonly address: IpAddress;
  readonly bits: number;
}

/**
 * `192.0.2.0/24`, `2001:db8::/32`, or one address. Bits beyond the prefix must be zero, since who writes them means
 * something else than what would be matched.
 * @throws ERR_ARGUMENT
 */
export function parseNetwork(text: string): IpNetwork {
  const [host = '', length, ...rest] = text.split('/');
  const parsed = parseIpAddress(host);
  if (
    parsed === undefined ||
    host.includes('%') ||
    rest.length > 0 ||
    (length !== undefined && !/^\d{1,3}$/.test(length))
  ) {
    throw notANetwork(text);
  }
  const most = parsed.length * 8;
  // IPv4 written inside IPv6 counts its prefix from there.
  const offset = host.includes(':') && most === 32 ? 96 : 0;
  const bits = length === undefined ? most : Number(length) - offset;
  if (bits < 0 || bits > most) throw notANetwork(text);
  const network = { address: masked(parsed, bits), bits };
  if (prefixKey(parsed, most) !== prefixKey(network.address, most)) {
    throw new SealaneError('ERR_ARGUMENT', `"${text}" has bits beyond its prefix; write ${formatNetwork(network)}`);
  }
  return network;
}

/** True for what can be named as a trusted proxy: an address, or a network without bits beyond its prefix. */
export function isNetwork(text: string): boolean {
  try {
    parseNetwork(text);
    return true;
  } catch {
    return false;
  }
}

/** With its prefix length, also for a single address. */
export function formatNetwork({ address, bits }: IpNetwork): string {
  return `${formatIpAddress(address)}/${bits}`;
}

/** The network of `bits` that an address is in. */
export function networkOf(address: IpAddress, bits: number): IpNetwork {
  return { address: masked(address, bits), bits };
}

/**
 * Values by network. What concerns an address is found in one look-up for each prefix length that occurs, however many
 * networks there are.
 */
export class NetworkTable<T> {
  /** By the number of bytes of an address, then by prefix length. */
  readonly #tables = new Map<number, Map<number, Map<string, T>>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  set({ address, bits }: IpNetwork, value: T): void {
    const family = getOrAdd(this.#tables, address.length);
    const table = getOrAdd(family, bits);
    const key = prefixKey(address, bits);
    if (!table.has(key)) this.#size++;
    table.set(key, value);
  }

  delete({ address, bits }: IpNetwork): boolean {
    const family = this.#tables.get(address.length);
    const table = family?.get(bits);
    if (table?.delete(prefixKey(address, bits)) !== true) return false;
    this.#size--;
    if (table.size === 0) family?.delete(bits);
    return true;
  }

  get({ address, bits }: IpNetwork): T | undefined {
    return this.#tables.get(address.length)?.get(bits)?.get(prefixKey(address, bits));
  }

  /** The values of all networks that hold the address. */
  *matches(address: IpAddress): Generator<T> {
    for (const [bits, table] of this.#tables.get(address.length) ?? []) {
      const value = table.get(prefixKey(address, bits));
      if (value !== undefined) yield value;
    }
  }

  /** True if one of the networks holds the address. */
  has(address: IpAddress): boolean {
    return this.matches(address).next().done === false;
  }
}

function getOrAdd<K, A, B>(map: Map<K, Map<A, B>>, key: K): Map<A, B> {
  let inner = map.get(key);
  if (inner === undefined) {
    inner = new Map();
    map.set(key, inner);
  }
  return inner;
}

function masked(address: IpAddress, bits: number): IpAddress {
  return address.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - i * 8))));
}

function notANetwork(text: string): SealaneError {
  return new SealaneError(
    'ERR_ARGUMENT',
    `"${text}" is not a network; write an address or ADDRESS/BITS, for example 192.0.2.0/24 or 2001:db8::/32`,
  );
}

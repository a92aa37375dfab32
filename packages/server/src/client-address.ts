import type { IncomingHttpHeaders } from 'node:http';
import { formatIpAddress, type IpAddress, parseIpAddress } from './policy/ip-address.js';
import { networkOf } from './policy/ip-network.js';

/** Where limits per address count a socket. */
export interface ClientAddress {
  /** An IPv4 address, or the first 64 bits of an IPv6 address; `via ` and a proxy's for a client that it did not name. */
  readonly key: string;
  /** Sockets of the machine itself, which no proxy passed on, are not limited. */
  readonly exempt: boolean;
  /** The client, or the proxy that did not name it; undefined if the system does not say. */
  readonly ip: IpAddress | undefined;
}

/** Whom to believe about addresses. */
export interface AddressRules {
  /** A proxy of the operator: what it says of who is behind it is believed. */
  isTrustedProxy(address: IpAddress): boolean;
  /** 127.0.0.1 and ::1 are not limited per address, unless somebody is behind them. */
  readonly exemptLoopback: boolean;
}

/** Proxies in a row; whoever names more is not believed further. */
const MAX_HOPS = 32;
const NETWORK_BITS = 64;

/** The address of the peer of a TCP connection. */
export function tcpAddress(remoteAddress: string | undefined, rules: AddressRules): ClientAddress {
  const text = remoteAddress ?? '';
  const ip = parseIpAddress(text);
  if (ip === undefined) return { key: text, exempt: false, ip: undefined };
  return { key: addressKey(ip), exempt: rules.exemptLoopback && !text.includes('%') && isThisMachine(ip), ip };
}

/** The address that a trusted proxy names; `undefined` for a client that it does not name. Never exempt. */
export function namedAddress(named: IpAddress | undefined, proxy: ClientAddress): ClientAddress {
  if (named === undefined) return { key: `via ${proxy.key}`, exempt: false, ip: proxy.ip };
  return { key: addressKey(named), exempt: false, ip: named };
}

/** True if the request says that a proxy passed it on. */
export function isForwarded(headers: IncomingHttpHeaders): boolean {
  return headers['x-forwarded-for'] !== undefined || headers['forwarded'] !== undefined;
}

/**
 * The address of the client of a request that came from `hop`. X-Forwarded-For is read from its end, as each proxy
 * appends whom it saw: the first that is no trusted proxy is the client, and what stands before it is that client's own
 * invention. `Forwarded` is not read; whoever is behind a proxy that says only this counts as one client of that proxy.
 */
export function requestAddress(hop: ClientAddress, headers: IncomingHttpHeaders, rules: AddressRules): ClientAddress {
  if (!isForwarded(headers)) return hop;
  if (!isTrustedHop(hop, rules)) return { ...hop, exempt: false };
  let last = hop;
  for (const element of lastElements(headers['x-forwarded-for'])) {
    const named = parseElement(element);
    if (named === undefined) return namedAddress(undefined, last);
    last = namedAddress(named, last);
    if (!rules.isTrustedProxy(named)) return last;
  }
  return last === hop ? namedAddress(undefined, hop) : last;
}

/** True if what the hop says of others is believed. */
export function isTrustedHop({ ip }: ClientAddress, rules: AddressRules): boolean {
  return ip !== undefined && rules.isTrustedProxy(ip);
}

/** The last one first. */
function lastElements(header: string | string[] | undefined): readonly string[] {
  if (header === undefined) return [];
  const elements = (typeof header === 'string' ? header : header.join(',')).split(',');
  return elements.slice(-MAX_HOPS).reverse();
}

/** Takes `1.2.3.4`, `1.2.3.4:5`, `2001:db8::1` and `[2001:db8::1]:5`. */
function parseElement(element: string): IpAddress | undefined {
  const text = element.trim();
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1];
  if (bracketed !== undefined) return bracketed.includes(':') ? parseIpAddress(bracketed) : undefined;
  return parseIpAddress(/^([\d.]+):\d{1,5}$/.exec(text)?.[1] ?? text);
}

function isThisMachine(ip: IpAddress): boolean {
  const text = formatIpAddress(ip);
  return text === '127.0.0.1' || text === '::1';
}

function addressKey(ip: IpAddress): string {
  const text = formatIpAddress(ip);
  return ip.length === 4 ? text : `${formatIpAddress(networkOf(ip, NETWORK_BITS).address)}/${NETWORK_BITS}`;
}

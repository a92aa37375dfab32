import type { IncomingHttpHeaders } from 'node:http';
import { isIPv4, isIPv6 } from 'node:net';

/** Where limits per address count a socket. */
export interface ClientAddress {
  /** An IPv4 address, or the first 64 bits of an IPv6 address. */
  readonly key: string;
  /** Sockets of the machine itself, which no proxy passed on, are not limited. */
  readonly exempt: boolean;
}

/** The key for the peer of a TCP connection. */
export function tcpAddress(remoteAddress: string | undefined): ClientAddress {
  const address = unmap(remoteAddress ?? '');
  return { key: addressKey(address), exempt: address === '127.0.0.1' || address === '::1' };
}

/** True if a proxy passed the request on: then the TCP peer is not the client. */
export function isForwarded(headers: IncomingHttpHeaders): boolean {
  return headers['x-forwarded-for'] !== undefined || headers['forwarded'] !== undefined;
}

/**
 * The key for a request. Only a proxy on this machine is believed, and only in what it appended itself: the last
 * element. Whatever cannot be read counts under the proxy's own address, never as exempt.
 */
export function requestAddress(remoteAddress: string | undefined, headers: IncomingHttpHeaders): ClientAddress {
  const peer = tcpAddress(remoteAddress);
  if (!isForwarded(headers)) return peer;
  if (!peer.exempt) return peer;
  const named = lastForwardedFor(headers);
  return { key: named === undefined ? `via ${peer.key}` : addressKey(unmap(named)), exempt: false };
}

function lastForwardedFor(headers: IncomingHttpHeaders): string | undefined {
  const list = headers['x-forwarded-for'];
  const text = (Array.isArray(list) ? list.join(',') : list)?.split(',').at(-1)?.trim();
  if (text !== undefined) return asAddress(text);
  const element = headers['forwarded']?.split(',').at(-1) ?? '';
  const match = /(?:^|;)\s*for="?([^";]+)"?/i.exec(element);
  return match?.[1] === undefined ? undefined : asAddress(match[1].trim());
}

/** Takes `1.2.3.4`, `1.2.3.4:5`, `2001:db8::1` and `[2001:db8::1]:5`. */
function asAddress(text: string): string | undefined {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1];
  const candidate = bracketed ?? (/^[\d.]+:\d+$/.test(text) ? text.slice(0, text.indexOf(':')) : text);
  return isIPv4(candidate) || isIPv6(candidate) ? candidate : undefined;
}

function unmap(address: string): string {
  const match = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return match?.[1] ?? address;
}

function addressKey(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  // A dotted tail stands for two groups.
  const dotted = after.at(-1)?.includes('.') === true ? 1 : 0;
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length - dotted;
  const groups = [...before, ...Array.from({ length: zeros }, () => '0'), ...after];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

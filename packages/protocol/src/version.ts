import { ProtocolSize, SUBPROTOCOL } from '@sealane/types';

/** HTTP status with which a relay answers an upgrade that offers no version it speaks (v1.md, "Versions"). */
export const UNSUPPORTED_VERSION_STATUS = 426;

/**
 * The subprotocol that a relay selects of those that a client offers in Sec-WebSocket-Protocol, or undefined: then the
 * upgrade is answered with {@link UNSUPPORTED_VERSION_STATUS} and a Sec-WebSocket-Protocol header that lists its own.
 */
export function selectSubprotocol(offered: Iterable<string>): string | undefined {
  for (const candidate of offered) {
    if (candidate === SUBPROTOCOL) return candidate;
  }
  return undefined;
}

/** Feature bits in use on a link or in a session: what both sides offered. Unknown bits drop out. */
export function commonFeatures(own: number, peer: number): number {
  return (own & peer) >>> 0;
}

const authorityPattern =
  /^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*|\[[0-9a-f:.]+\]):([1-9][0-9]{0,4})$/;

/**
 * True for an authority as AUTH carries it (v1.md, "Authority"): a host name in lower-case A-labels, an IPv4 address
 * or an IPv6 address in brackets, no final dot, always with a port.
 */
export function isAuthority(text: string): boolean {
  if (text.length > ProtocolSize.AUTHORITY) return false;
  const port = authorityPattern.exec(text)?.[1];
  return port !== undefined && Number(port) <= 65_535;
}

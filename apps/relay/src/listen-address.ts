import { isIPv4, isIPv6 } from 'node:net';
import { usageError } from './error-line.js';

export interface ListenAddress {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `HOST:PORT`, IPv6 in brackets. @throws ERR_ARGUMENT */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const [, bracketed, plain, digits] = match ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  const isHost = host !== undefined && (bracketed === undefined || isIPv6(bracketed));
  if (!isHost || !(port <= 65_535)) {
    throw usageError(
      `"${text}" is not an address to listen on; write HOST:PORT, for example 127.0.0.1:8787 or [::1]:0`,
    );
  }
  return { host, port };
}

/** As {@link parseListenAddress}; a port alone is one of 127.0.0.1. @throws ERR_ARGUMENT */
export function parseAdminAddress(text: string): ListenAddress {
  return parseListenAddress(/^:?\d{1,5}$/.test(text) ? `127.0.0.1:${text.replace(':', '')}` : text);
}

/** True only for what no other machine can reach. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.');
  return host === '::1' || host.toLowerCase() === 'localhost';
}

import { usageError } from '../output/error-line.js';
import { parseHostPort } from './host-port.js';

/** What `expose` forwards to. */
export type Target =
  /** The hosts are tried in turn. */
  | { readonly kind: 'tcp'; readonly hosts: readonly string[]; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** `PORT`, `HOST:PORT`, `tcp://HOST:PORT` or `unix:/path`. A bare port is a local one, by IPv4 and then by IPv6. */
export function parseTarget(text: string): Target {
  if (text.startsWith('unix:')) return { kind: 'unix', path: parseSocketPath(text) };
  const local = /^\d{1,5}$/.test(text) ? Number(text) : undefined;
  if (local !== undefined && local >= 1 && local <= 65_535) {
    return { kind: 'tcp', hosts: ['127.0.0.1', '::1'], port: local };
  }
  const target = parseHostPort(text.startsWith('tcp://') ? text.slice('tcp://'.length) : text);
  if (target === undefined || target.port === 0) {
    throw usageError(`"${text}" is not a target; use PORT, HOST:PORT, [IPV6]:PORT, tcp://HOST:PORT or unix:/path`);
  }
  return { kind: 'tcp', hosts: [target.host], port: target.port };
}

/** Where `connect` listens. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** `HOST:PORT` (port 0 picks one), `PORT` on 127.0.0.1, or `unix:/path`. */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('unix:')) return { kind: 'unix', path: parseSocketPath(text) };
  const address = parseHostPort(/^\d{1,5}$/.test(text) ? `127.0.0.1:${text}` : text);
  if (address === undefined) {
    throw usageError(`"${text}" is not an address to listen on; use HOST:PORT, [IPV6]:PORT, PORT or unix:/path`);
  }
  return { kind: 'tcp', ...address };
}

/** sun_path holds 108 bytes on Linux and 104 elsewhere, with a final zero; longer paths would be cut in silence. */
const maxSocketPathBytes = process.platform === 'linux' ? 107 : 103;

function parseSocketPath(text: string): string {
  const path = text.slice('unix:'.length);
  if (!path.startsWith('/') || path.includes('\0'))
    throw usageError(`"${text}" needs an absolute path, as in unix:/run/app.sock`);
  if (Buffer.byteLength(path) > maxSocketPathBytes) {
    throw usageError(
      `the path of "${text}" is longer than the ${maxSocketPathBytes} bytes that a unix socket can have`,
    );
  }
  return path;
}

import { formatAddress, type PublicLease, type RelayLocation } from '@sealane/client';
import { sanitize } from '../output/sanitize.js';

/** One public lease as programs read it. */
export interface ListedService {
  readonly name: string | null;
  readonly id: string;
  readonly service: string;
  /** Empty where the owner hides them. */
  readonly protocols: readonly string[];
  readonly address: string;
  /** What the owner gave with --metadata, which may be anything; null for none and for bytes that are no text. */
  readonly metadata: string | null;
  readonly expiresInMs: number;
}

export function toListedService(lease: PublicLease, relay: RelayLocation): ListedService {
  const { id, service, name, alpn, metadata, expiresInMs } = lease;
  return {
    name: name ?? null,
    id,
    service,
    protocols: alpn,
    address: formatAddress({ id, service, relays: [relay] }),
    metadata: metadata.length === 0 ? null : decodeText(metadata),
    expiresInMs,
  };
}

export const tableHead: string = `${row('NAME', 'SERVICE', 'PROTOCOLS', 'ID')}\n`;

/** Two lines: the row of the table, and the address to connect to. Owners and relays wrote it, so it is made safe. */
export function describeService({ name, id, service, protocols, address }: ListedService): string {
  const shown = protocols.length === 0 ? 'hidden' : sanitize(protocols.join(','), 60);
  return `${row(sanitize(name ?? '-'), sanitize(service === '' ? '-' : service), shown, sanitize(id))}\n  ${sanitize(address, 1_000)}\n`;
}

function row(name: string, service: string, protocols: string, id: string): string {
  return `${name.padEnd(16)}  ${service.padEnd(10)}  ${protocols.padEnd(20)}  ${id}`;
}

function decodeText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

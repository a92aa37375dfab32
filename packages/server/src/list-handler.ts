import {
  LISTED_ROOM_BYTES,
  type ListedLease,
  type ListRequest,
  listedBytes,
  MAX_CURSOR_BYTES,
} from '@sealane/protocol';
import { LinkFeature, MessageKind, RelayCode, relayError } from '@sealane/types';
import type { LeaseManager } from './lease-manager.js';
import type { RelayLink } from './link.js';
import type { RelayConfig } from './relay-config.js';

/** Leases that are looked at for one page: the work of a request is bounded also where few of them can be reached. */
const LOOKED_AT = 64;

/** LIST: pages of the public leases that can be reached now (v1.md, "LIST"). */
export class ListHandler {
  readonly #config: RelayConfig;
  readonly #leases: LeaseManager;

  constructor(config: RelayConfig, leases: LeaseManager) {
    this.#config = config;
    this.#leases = leases;
  }

  /** Answers LISTED, within the limit of a control body. @throws ERR_RELAY_MALFORMED on a link that does not use LIST */
  async list(link: RelayLink, message: ListRequest): Promise<void> {
    if ((link.features & LinkFeature.LIST) === 0) {
      throw relayError(RelayCode.MALFORMED, 'this link does not use LIST');
    }
    const asked = message.cursor === null ? undefined : Buffer.from(message.cursor).toString('latin1');
    const { records, next } = await this.#leases.store.listPublic(asked, LOOKED_AT);
    const entries: ListedLease[] = [];
    let roomBytes = LISTED_ROOM_BYTES;
    let last = asked;
    let isFull = false;
    for (const { cursor, record } of records) {
      const entry = this.#entry(record.identity, record.service);
      const bytes = entry === undefined ? 0 : listedBytes(entry);
      if (bytes > roomBytes || entries.length === message.limit) {
        isFull = true;
        break;
      }
      if (entry !== undefined) entries.push(entry);
      roomBytes -= bytes;
      last = cursor;
    }
    const from = isFull ? last : next;
    link.send({ kind: MessageKind.LISTED, request: message.request, entries, next: encodeCursor(from) });
  }

  /** Undefined where nobody could connect: the lease is in force, but its owner's link is gone. */
  #entry(identity: Uint8Array, service: string): ListedLease | undefined {
    const served = this.#leases.route(identity, service);
    if (served === undefined || served.record.signed === null) return undefined;
    const expiresInMs = Math.max(1, Math.floor(served.endsAtMs - this.#config.clock.nowMs()));
    return { ...served.record.signed, expiresInMs };
  }
}

function encodeCursor(cursor: string | undefined): Uint8Array | null {
  if (cursor === undefined) return null;
  const bytes = Buffer.from(cursor, 'latin1');
  if (bytes.length > MAX_CURSOR_BYTES) throw new Error('a lease store gave too long a cursor');
  return bytes;
}

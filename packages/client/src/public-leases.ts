import { bytesEqual } from '@sealane/crypto';
import { encodeId, type Keycert, parseKeycert } from '@sealane/crypto/credential';
import { SignatureLabel, verify } from '@sealane/crypto/signature';
import {
  decodeLease,
  type Lease,
  type Listed,
  type ListedLease,
  type ListRequest,
  MAX_LISTED,
} from '@sealane/protocol';
import { type Clock, isSealaneError, LeaseFlag, LinkFeature, MessageKind, SealaneError } from '@sealane/types';
import { pause } from './abort-signal.js';
import type { ClientContext } from './client-context.js';
import { unasked } from './link/link-error.js';
import type { RelayLink } from './link/relay-link.js';

/** What an owner lets a relay show to everybody, verified as the owner's word. */
export interface PublicLease {
  readonly id: string;
  readonly service: string;
  /** The name that the owner asked for; what it leads to at the relay is the relay's word until it is looked up. */
  readonly name: string | undefined;
  /** Empty where the owner hides them. */
  readonly alpn: readonly string[];
  /** At most 4,096 bytes. */
  readonly metadata: Uint8Array;
  /** Time left at the relay: the relay's word. */
  readonly expiresInMs: number;
}

/** Without a single entry: what a relay needs whose owners are mostly gone, and no endless listing of nothing. */
const MAX_EMPTY_PAGES = 4_096;
/** Answers of BUSY in a row. */
const MAX_BUSY = 20;
const LEAST_BUSY_WAIT_MS = 50;
const MOST_BUSY_WAIT_MS = 5_000;

/** The public leases of a relay, page by page as the caller goes on (v1.md, "LIST"). See `RelayClient.listPublic`. */
export async function* listPublicLeases(
  context: ClientContext,
  acquireLink: () => Promise<RelayLink>,
  signal: AbortSignal | undefined,
): AsyncGenerator<PublicLease, void> {
  let cursor: Uint8Array | null = null;
  let emptyPages = 0;
  do {
    const link: RelayLink = await acquireLink();
    const page: Listed = await requestPage(context.clock, link, cursor, signal);
    emptyPages = page.entries.length === 0 ? emptyPages + 1 : 0;
    const isSame = page.next !== null && cursor !== null && bytesEqual(page.next, cursor);
    if (isSame || emptyPages > MAX_EMPTY_PAGES) throw unasked();
    for (const entry of page.entries) {
      const { lease, keycert } = parseEntry(entry, link.relay.relayKey);
      const id = encodeId(keycert.publicKey);
      const newest = await context.keycerts.newest(id);
      // Not an error: the owner has rotated, and its new lease may be on its way. Under an old key nobody can dial it.
      if (newest !== undefined && newest.epoch > keycert.epoch) continue;
      yield {
        id,
        service: lease.service,
        name: lease.name ?? undefined,
        alpn: lease.alpn ?? [],
        metadata: new Uint8Array(lease.metadata),
        expiresInMs: entry.expiresInMs,
      };
    }
    cursor = page.next;
  } while (cursor !== null);
}

async function requestPage(
  clock: Clock,
  link: RelayLink,
  cursor: Uint8Array | null,
  signal: AbortSignal | undefined,
): Promise<Listed> {
  if ((link.relay.features & LinkFeature.LIST) === 0) {
    throw new SealaneError('ERR_RELAY_UNSUPPORTED', 'the relay does not offer a list of public leases');
  }
  const create = (request: number): ListRequest => ({ kind: MessageKind.LIST, request, cursor, limit: MAX_LISTED });
  for (let refusals = 0; ; refusals += 1) {
    try {
      const answer = await link.request(create, { signal });
      if (answer.kind === MessageKind.LISTED && answer.entries.length <= MAX_LISTED) return answer;
      throw unasked();
    } catch (error) {
      if (!isSealaneError(error, 'ERR_RELAY_BUSY') || refusals >= MAX_BUSY) throw error;
      // As long as the relay asks for, within reason.
      const asked = error.details['value'];
      const waitMs = Math.max(LEAST_BUSY_WAIT_MS, typeof asked === 'number' ? asked : 0);
      await pause(clock, Math.min(MOST_BUSY_WAIT_MS, waitMs), signal);
    }
  }
}

/** The owner's own words, for this relay, meant for everybody; or the relay made something up. */
function parseEntry(entry: ListedLease, relayKey: Uint8Array): { readonly lease: Lease; readonly keycert: Keycert } {
  let lease: Lease;
  let keycert: Keycert;
  try {
    lease = decodeLease(entry.lease);
    keycert = parseKeycert(lease.keycert);
  } catch (cause) {
    throw invented('it cannot be read', cause);
  }
  if (!verify(SignatureLabel.LEASE, keycert.publicKey, entry.signature, entry.lease)) {
    throw invented('its signature does not verify');
  }
  if (!bytesEqual(lease.audience, relayKey)) throw invented('it is for another relay');
  if ((lease.flags & LeaseFlag.PUBLIC) === 0) throw invented('its owner did not make it public');
  return { lease, keycert };
}

function invented(reason: string, cause?: unknown): SealaneError {
  return new SealaneError('ERR_LINK_PROTOCOL', `the relay listed a lease that is not one: ${reason}`, { cause });
}

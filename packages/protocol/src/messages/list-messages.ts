import { MessageKind, ProtocolSize } from '@sealane/types';
import { boundedBytes, type Field, list, nullable, struct, uint } from '../msgpack/field.js';
import { encodeStrict } from '../msgpack/strict-msgpack.js';
import * as fields from './fields.js';
import { type MessageCodec, messageCodec } from './message-codec.js';

/** Asks for a page of the public leases. Only on a link that uses LinkFeature.LIST. */
export interface ListRequest {
  readonly kind: typeof MessageKind.LIST;
  readonly request: number;
  /** `next` of the page before, or null for the first page. */
  readonly cursor: Uint8Array | null;
  /** Entries that are wanted at most, 1 to {@link MAX_LISTED}. */
  readonly limit: number;
}

/** A public lease as its owner signed it: what the relay can leave out, and cannot make up. */
export interface ListedLease {
  /** The exact bytes of a lease, see `decodeLease`. */
  readonly lease: Uint8Array;
  /** 64 bytes by the lease's identity over label | 0 | lease. */
  readonly signature: Uint8Array;
  /** Time left at the relay in milliseconds: the relay's word. */
  readonly expiresInMs: number;
}

/** A page of public leases, perhaps an empty one that is not the last. */
export interface Listed {
  readonly kind: typeof MessageKind.LISTED;
  readonly request: number;
  readonly entries: readonly ListedLease[];
  /** Where the next page starts; null: this was the last. */
  readonly next: Uint8Array | null;
}

/** Entries of one page: what the limit of values in a body has room for. */
export const MAX_LISTED = 15;
/** Longest cursor in bytes. What is in it is the relay's matter. */
export const MAX_CURSOR_BYTES = 128;

const cursor: Field<Uint8Array> = boundedBytes(MAX_CURSOR_BYTES, 1);

const listedLease: Field<ListedLease> = struct<ListedLease>({
  lease: boundedBytes(ProtocolSize.CONTROL, 1),
  signature: fields.signature,
  expiresInMs: fields.ttlMs,
});

export const listCodec: MessageCodec<ListRequest> = messageCodec<ListRequest>(MessageKind.LIST, {
  request: fields.request,
  cursor: nullable(cursor),
  limit: uint(MAX_LISTED, 1),
});

export const listedCodec: MessageCodec<Listed> = messageCodec<Listed>(MessageKind.LISTED, {
  request: fields.request,
  entries: list(listedLease, MAX_LISTED),
  next: nullable(cursor),
});

/** Bytes that a LISTED needs beside its entries at most: kind, arrays, request, cursor. */
const FRAME_BYTES = 1 + 1 + 5 + 1 + (2 + MAX_CURSOR_BYTES);

/** Room for entries in one LISTED, in bytes as {@link listedBytes} counts them. Every entry fits alone. */
export const LISTED_ROOM_BYTES: number = ProtocolSize.CONTROL - FRAME_BYTES;

/** What an entry takes in a LISTED. */
export function listedBytes(entry: ListedLease): number {
  return encodeStrict(listedLease.encode(entry)).length;
}

import { ProtocolSize } from '@sealane/types';
import * as fields from './messages/fields.js';
import { boundedBytes, type Field, list, nullable, struct, uint } from './msgpack/field.js';
import { decodeStrict, encodeStrict } from './msgpack/strict-msgpack.js';

/** What an owner promises at one relay (v1.md, "Leases"). */
export interface Lease {
  /** The relay identity that may hold the lease, 32 bytes. */
  readonly audience: Uint8Array;
  /** The owner's keycert, 132 bytes; its first 32 are the identity. */
  readonly keycert: Uint8Array;
  readonly service: string;
  /** 16 bytes that tell two processes of one identity apart. */
  readonly instance: Uint8Array;
  /** Grows with every lease of (identity, service) at this relay; at most 2^53-1. */
  readonly sequence: number;
  /** Asked for, in milliseconds; the relay answers what it grants. */
  readonly ttlMs: number;
  /** Name asked for, or null. A resume-only lease has none. */
  readonly name: string | null;
  /** Protocols that the owner speaks, its best first, at most 16; null hides them. */
  readonly alpn: readonly string[] | null;
  /** Suites that the owner takes, its best first; 1 to 8 numbers. */
  readonly suites: readonly number[];
  /** LeaseFlag bits; unknown ones are ignored. */
  readonly flags: number;
  /** At most 4,096 bytes for people and programs that look the lease up. */
  readonly metadata: Uint8Array;
}

const lease: Field<Lease> = struct<Lease>({
  audience: fields.publicKey,
  keycert: fields.keycert,
  service: fields.service,
  instance: fields.instance,
  sequence: fields.sequence,
  ttlMs: fields.ttlMs,
  name: nullable(fields.name),
  alpn: nullable(list(fields.alpn, ProtocolSize.ALPN_COUNT, 1)),
  suites: list(uint(0xff, 1), 8, 1),
  flags: fields.uint32,
  metadata: boundedBytes(ProtocolSize.METADATA),
});

/** The bytes that are signed and sent. ERR_PROTOCOL_MESSAGE or ERR_PROTOCOL_LIMIT for a lease that nobody would take. */
export function encodeLease(value: Lease): Uint8Array {
  return encodeStrict(lease.encode(value));
}

/**
 * A lease from its exact bytes; binary fields are views of them. The signature is checked over `bytes`, never over
 * anything encoded again. ERR_PROTOCOL_MESSAGE or ERR_PROTOCOL_LIMIT.
 */
export function decodeLease(bytes: Uint8Array): Lease {
  return lease.parse(decodeStrict(bytes));
}

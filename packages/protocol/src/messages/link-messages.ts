import { MessageKind, ProtocolSize } from '@sealane/types';
import { bytes, type Field, nullable, remark, struct, text, uint } from '../msgpack/field.js';
import { isAuthority } from '../version.js';
import * as fields from './fields.js';
import { type MessageCodec, messageCodec } from './message-codec.js';

/** What a relay allows on a link (v1.md, "HELLO"). */
export interface HelloLimits {
  /** Largest WebSocket message in bytes. */
  readonly maxMessage: number;
  /** Largest data of one DATA frame in bytes. */
  readonly maxData: number;
  /** First window of each stream towards the relay in bytes. */
  readonly initialWindow: number;
  /** Streams that the client may have open. */
  readonly maxStreams: number;
  readonly leaseTtlMinMs: number;
  readonly leaseTtlMaxMs: number;
  /** Time between the relay's pings, in milliseconds. */
  readonly idleMs: number;
}

/** First message of a relay on a link. */
export interface Hello {
  readonly kind: typeof MessageKind.HELLO;
  /** Ed25519 identity of the relay, 32 bytes. */
  readonly relay: Uint8Array;
  /** 132 bytes: the identity's word for the node key that signs AUTH_OK. */
  readonly nodecert: Uint8Array;
  /** 32 random bytes, fresh for each link. */
  readonly challenge: Uint8Array;
  /** LinkFeature bits that the relay offers. */
  readonly features: number;
  readonly limits: HelloLimits;
}

/** Answer of the client to HELLO. */
export interface Auth {
  readonly kind: typeof MessageKind.AUTH;
  /** Ed25519 key of the client: an identity, or a key made for this link alone. 32 bytes. */
  readonly client: Uint8Array;
  /** 32 random bytes, fresh for each link. */
  readonly nonce: Uint8Array;
  /** Host and port that the client dialed (v1.md, "Authority"). */
  readonly authority: string;
  /** LinkFeature bits that the client offers. */
  readonly features: number;
  /** First window of each stream towards the client in bytes. */
  readonly initialWindow: number;
  /** Streams that the relay may have open. */
  readonly maxStreams: number;
  /** 64 bytes by `client` over label | 0 | H(HELLO) | the body before the signature. */
  readonly signature: Uint8Array;
}

/** Last message of the authentication. */
export interface AuthOk {
  readonly kind: typeof MessageKind.AUTH_OK;
  /** Features in use: offered by both. */
  readonly features: number;
  /** 8 bytes that name the link in logs of both sides. */
  readonly linkId: Uint8Array;
  /** 64 bytes by the node key over label | 0 | H(HELLO) | H(AUTH) | the body before the signature. */
  readonly signature: Uint8Array;
}

/** A refusal of a request, or of the link, which ends then. */
export interface ErrorMessage {
  readonly kind: typeof MessageKind.ERROR;
  /** The number of the refused request; 0 for the link. */
  readonly request: number;
  /** A RelayCode; numbers that are not known are refusals all the same. */
  readonly code: number;
  /** For people, at most 256 bytes; encoding cuts what is longer. */
  readonly text: string;
  /** LEASE_STALE: the stored sequence number. BUSY, LIMIT, DRAINING: milliseconds to wait. Else null. */
  readonly value: number | null;
}

/** Longest text of ERROR and REJECT in bytes. */
export const MAX_REMARK_BYTES = 256;

const helloLimits: Field<HelloLimits> = struct<HelloLimits>({
  maxMessage: uint(0xffff_ffff, 16_384),
  maxData: uint(0xff_ffff, 1_024),
  initialWindow: fields.window,
  maxStreams: fields.streamCount,
  leaseTtlMinMs: fields.ttlMs,
  leaseTtlMaxMs: fields.ttlMs,
  idleMs: uint(0xffff_ffff, 1),
});

export const helloCodec: MessageCodec<Hello> = messageCodec<Hello>(MessageKind.HELLO, {
  relay: fields.publicKey,
  nodecert: bytes(ProtocolSize.NODECERT),
  challenge: bytes(ProtocolSize.CHALLENGE),
  features: fields.uint32,
  limits: helloLimits,
});

// The signature is the last field of AUTH and AUTH_OK: what it covers is all bytes before it.
export const authCodec: MessageCodec<Auth> = messageCodec<Auth>(MessageKind.AUTH, {
  client: fields.publicKey,
  nonce: bytes(ProtocolSize.NONCE),
  authority: text(ProtocolSize.AUTHORITY, isAuthority, 1),
  features: fields.uint32,
  initialWindow: fields.window,
  maxStreams: fields.streamCount,
  signature: fields.signature,
});

export const authOkCodec: MessageCodec<AuthOk> = messageCodec<AuthOk>(MessageKind.AUTH_OK, {
  features: fields.uint32,
  linkId: bytes(8),
  signature: fields.signature,
});

export const errorCodec: MessageCodec<ErrorMessage> = messageCodec<ErrorMessage>(MessageKind.ERROR, {
  request: fields.uint32,
  code: fields.uint16,
  text: remark(MAX_REMARK_BYTES),
  value: nullable(fields.sequence),
});

import { MessageKind } from '@sealane/types';
import { bytes, type Field, nullable, remark, struct, uint } from '../msgpack/field.js';
import * as fields from './fields.js';
import { MAX_REMARK_BYTES } from './link-messages.js';
import { type MessageCodec, messageCodec } from './message-codec.js';

/** Asks where a name, or an id and service, leads. Exactly one of `name` and `id` is not null. */
export interface Lookup {
  readonly kind: typeof MessageKind.LOOKUP;
  readonly request: number;
  readonly name: string | null;
  /** The 32 bytes of the public key in an id. */
  readonly id: Uint8Array | null;
  /** With a name: empty, the name alone decides. */
  readonly service: string;
}

/** The answer to LOOKUP. The keycert verifies under `id`, or the answer is worthless. */
export interface Found {
  readonly kind: typeof MessageKind.FOUND;
  readonly request: number;
  readonly id: Uint8Array;
  readonly service: string;
  readonly keycert: Uint8Array;
  readonly instance: Uint8Array;
}

/** One side's half of a resumption (v1.md, "RESUME"). */
export interface ResumeSeal {
  /** 1 and up; 0 is the path of the handshake. */
  readonly pathNumber: number;
  /** 34 bytes that only the session's keys open. */
  readonly sealed: Uint8Array;
}

/**
 * The owner takes the stream. At most one of the two parts is not null: message 2 if message 1 came inside CONNECT,
 * the owner's RESUME on a resuming stream, neither when the handshake follows on the stream.
 */
export interface Accept {
  readonly kind: typeof MessageKind.ACCEPT;
  readonly message2: Uint8Array | null;
  readonly resume: ResumeSeal | null;
}

/** The stream is refused, by the relay or by the owner with a code that the relay could invent too. */
export interface Reject {
  readonly kind: typeof MessageKind.REJECT;
  /** A RelayCode; numbers that are not known are refusals all the same. */
  readonly code: number;
  /** With RelayCode.KEYCERT the owner's current keycert, 132 bytes; else null. */
  readonly keycert: Uint8Array | null;
  /** For people, at most 256 bytes; encoding cuts what is longer. */
  readonly text: string;
}

/** The relay holds a resuming stream until its owner is back. */
export interface Held {
  readonly kind: typeof MessageKind.HELD;
}

/** Bytes of a sealed RESUME: status u16, two numbers u64, tag. */
export const SEALED_RESUME_BYTES = 34;

export const resumeFields: { readonly pathNumber: Field<number>; readonly sealed: Field<Uint8Array> } = {
  pathNumber: uint(Number.MAX_SAFE_INTEGER, 1),
  sealed: bytes(SEALED_RESUME_BYTES),
};

export const lookupCodec: MessageCodec<Lookup> = messageCodec<Lookup>(MessageKind.LOOKUP, {
  request: fields.request,
  name: nullable(fields.name),
  id: nullable(fields.publicKey),
  service: fields.service,
});

export const foundCodec: MessageCodec<Found> = messageCodec<Found>(MessageKind.FOUND, {
  request: fields.request,
  id: fields.publicKey,
  service: fields.service,
  keycert: fields.keycert,
  instance: fields.instance,
});

export const acceptCodec: MessageCodec<Accept> = messageCodec<Accept>(MessageKind.ACCEPT, {
  message2: nullable(fields.handshakeMessage),
  resume: nullable(struct<ResumeSeal>(resumeFields)),
});

export const rejectCodec: MessageCodec<Reject> = messageCodec<Reject>(MessageKind.REJECT, {
  code: fields.uint16,
  keycert: nullable(fields.keycert),
  text: remark(MAX_REMARK_BYTES),
});

export const heldCodec: MessageCodec<Held> = messageCodec<Held>(MessageKind.HELD, {});

import { MessageKind, ProtocolSize, SupersededBy } from '@sealane/types';
import { boundedBytes, nullable, uint } from '../msgpack/field.js';
import * as fields from './fields.js';
import { type MessageCodec, messageCodec } from './message-codec.js';

/** Asks for a lease. */
export interface Register {
  readonly kind: typeof MessageKind.REGISTER;
  /** 1 to 2^32-1, chosen by the client; not in use by another open request of the link. */
  readonly request: number;
  /** RegisterFlag bits; unknown ones are ignored. */
  readonly flags: number;
  /** The exact bytes of a lease, see `decodeLease`. */
  readonly lease: Uint8Array;
  /** 64 bytes by the identity over label | 0 | lease. */
  readonly signature: Uint8Array;
}

/** The lease is held. */
export interface Registered {
  readonly kind: typeof MessageKind.REGISTERED;
  readonly request: number;
  readonly service: string;
  readonly sequence: number;
  /** Granted time in milliseconds from now on. */
  readonly ttlMs: number;
  /** The name that leads to the lease, or null. */
  readonly name: string | null;
}

/** Keeps an unchanged lease for another TTL. */
export interface Renew {
  readonly kind: typeof MessageKind.RENEW;
  readonly request: number;
  readonly service: string;
  readonly sequence: number;
}

export interface Renewed {
  readonly kind: typeof MessageKind.RENEWED;
  readonly request: number;
  readonly ttlMs: number;
}

/** Gives a lease up at once. Its name stays kept for the owner. */
export interface Release {
  readonly kind: typeof MessageKind.RELEASE;
  readonly request: number;
  readonly service: string;
  readonly sequence: number;
}

export interface Released {
  readonly kind: typeof MessageKind.RELEASED;
  readonly request: number;
}

/** Tells a link that its lease went to another one. */
export interface Superseded {
  readonly kind: typeof MessageKind.SUPERSEDED;
  readonly service: string;
  readonly by: SupersededBy;
}

export const registerCodec: MessageCodec<Register> = messageCodec<Register>(MessageKind.REGISTER, {
  request: fields.request,
  flags: fields.uint32,
  lease: boundedBytes(ProtocolSize.CONTROL, 1),
  signature: fields.signature,
});

export const registeredCodec: MessageCodec<Registered> = messageCodec<Registered>(MessageKind.REGISTERED, {
  request: fields.request,
  service: fields.service,
  sequence: fields.sequence,
  ttlMs: fields.ttlMs,
  name: nullable(fields.name),
});

export const renewCodec: MessageCodec<Renew> = messageCodec<Renew>(MessageKind.RENEW, {
  request: fields.request,
  service: fields.service,
  sequence: fields.sequence,
});

export const renewedCodec: MessageCodec<Renewed> = messageCodec<Renewed>(MessageKind.RENEWED, {
  request: fields.request,
  ttlMs: fields.ttlMs,
});

export const releaseCodec: MessageCodec<Release> = messageCodec<Release>(MessageKind.RELEASE, {
  request: fields.request,
  service: fields.service,
  sequence: fields.sequence,
});

export const releasedCodec: MessageCodec<Released> = messageCodec<Released>(MessageKind.RELEASED, {
  request: fields.request,
});

const by = uint(SupersededBy.OTHER_INSTANCE);

export const supersededCodec: MessageCodec<Superseded> = messageCodec<Superseded>(MessageKind.SUPERSEDED, {
  service: fields.service,
  by: { encode: by.encode, parse: (value) => by.parse(value) as SupersededBy },
});

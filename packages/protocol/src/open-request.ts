import { OpenKind, ProtocolSize } from '@sealane/types';
import { resumeFields } from './messages/connection-messages.js';
import * as fields from './messages/fields.js';
import { type Field, nullable, struct } from './msgpack/field.js';
import { decodeStrict, encodeStrict } from './msgpack/strict-msgpack.js';
import { limitError, messageError } from './protocol-error.js';

/** A dialer asks for a new session with an owner (v1.md, "CONNECT"). */
export interface Connect {
  readonly kind: typeof OpenKind.CONNECT;
  /** Identity of the owner, 32 bytes. */
  readonly owner: Uint8Array;
  readonly service: string;
  /** 16 random bytes by the dialer; in the prologue of the handshake, and for logs. */
  readonly connectionId: Uint8Array;
  /** Message 1, at most 4,096 bytes, where the dialer holds the owner's keycert; null when it follows on the stream. */
  readonly message1: Uint8Array | null;
}

/** A dialer moves a session to this stream (v1.md, "Resumption"). */
export interface Resume {
  readonly kind: typeof OpenKind.RESUME;
  readonly owner: Uint8Array;
  readonly service: string;
  /** As in message 2: the relay routes by it. */
  readonly instance: Uint8Array;
  readonly resumeId: Uint8Array;
  /** 1 and up; every attempt takes a higher one. */
  readonly pathNumber: number;
  /** The dialer's RESUME, 34 bytes. */
  readonly sealed: Uint8Array;
}

/** Key of the dialer's link, only if that link says who it is; else null. */
export interface Dialer {
  readonly dialer: Uint8Array | null;
}

/** What a dialer's OPEN asks of the relay. */
export type OpenRequest = Connect | Resume;
export type ForwardConnect = Connect & Dialer;
export type ForwardResume = Resume & Dialer;
/** What the relay's OPEN brings to the owner. */
export type ForwardRequest = ForwardConnect | ForwardResume;

const connectFields = {
  owner: fields.publicKey,
  service: fields.service,
  connectionId: fields.connectionId,
  message1: nullable(fields.handshakeMessage),
};
const resumeRequestFields = {
  owner: fields.publicKey,
  service: fields.service,
  instance: fields.instance,
  resumeId: fields.resumeId,
  ...resumeFields,
};
const dialer = { dialer: nullable(fields.publicKey) };

const connect: Field<Omit<Connect, 'kind'>> = /* @__PURE__ */ struct(connectFields);
const resume: Field<Omit<Resume, 'kind'>> = /* @__PURE__ */ struct(resumeRequestFields);
const forwardConnect: Field<Omit<ForwardConnect, 'kind'>> = /* @__PURE__ */ struct({ ...dialer, ...connectFields });
const forwardResume: Field<Omit<ForwardResume, 'kind'>> = /* @__PURE__ */ struct({ ...dialer, ...resumeRequestFields });

/** OPEN body from a dialer: `kind u8 | MessagePack array`. ERR_PROTOCOL_MESSAGE, ERR_PROTOCOL_LIMIT. */
export function encodeOpen(request: OpenRequest): Uint8Array {
  return encodeStrict(
    request.kind,
    request.kind === OpenKind.CONNECT ? connect.encode(request) : resume.encode(request),
  );
}

/** A dialer's OPEN body; binary fields are views of it. ERR_PROTOCOL_MESSAGE, ERR_PROTOCOL_LIMIT. */
export function decodeOpen(body: Uint8Array): OpenRequest {
  const kind = parseKind(body);
  const value = decodeStrict(body.subarray(1));
  return kind === OpenKind.CONNECT ? { kind, ...connect.parse(value) } : { kind, ...resume.parse(value) };
}

/** OPEN body from the relay to an owner. ERR_PROTOCOL_MESSAGE, ERR_PROTOCOL_LIMIT. */
export function encodeForward(request: ForwardRequest): Uint8Array {
  return encodeStrict(
    request.kind,
    request.kind === OpenKind.CONNECT ? forwardConnect.encode(request) : forwardResume.encode(request),
  );
}

/** The OPEN body that a relay sends to an owner; binary fields are views. ERR_PROTOCOL_MESSAGE, ERR_PROTOCOL_LIMIT. */
export function decodeForward(body: Uint8Array): ForwardRequest {
  const kind = parseKind(body);
  const value = decodeStrict(body.subarray(1));
  return kind === OpenKind.CONNECT ? { kind, ...forwardConnect.parse(value) } : { kind, ...forwardResume.parse(value) };
}

function parseKind(body: Uint8Array): OpenKind {
  if (body.length > ProtocolSize.CONTROL) throw limitError('an OPEN body exceeds its limit');
  const kind = body[0];
  if (kind !== OpenKind.CONNECT && kind !== OpenKind.RESUME) throw messageError('the kind of OPEN is unknown');
  return kind;
}

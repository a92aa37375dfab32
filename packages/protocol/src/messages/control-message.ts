import { MessageKind, ProtocolSize } from '@sealane/types';
import { decodeStrict, encodeStrict } from '../msgpack/strict-msgpack.js';
import { limitError, messageError } from '../protocol-error.js';
import * as admission from './admission-messages.js';
import * as connection from './connection-messages.js';
import * as lease from './lease-messages.js';
import * as link from './link-messages.js';
import * as listing from './list-messages.js';
import type { MessageBody, MessageCodec } from './message-codec.js';

/** Everything that a MESSAGE frame may hold (v1.md, "Control messages"), told apart by `kind`. */
export type ControlMessage =
  | link.Hello
  | link.Auth
  | link.AuthOk
  | link.ErrorMessage
  | lease.Register
  | lease.Registered
  | lease.Renew
  | lease.Renewed
  | lease.Release
  | lease.Released
  | lease.Superseded
  | connection.Lookup
  | connection.Found
  | connection.Accept
  | connection.Reject
  | connection.Held
  | listing.ListRequest
  | listing.Listed
  | admission.Present
  | admission.Presented
  | admission.Pending;

/** The codec as the table sees it: of some kind, checked by `kind` alone. */
interface AnyCodec {
  readonly kind: MessageKind;
  readonly body: MessageCodec<ControlMessage>['body'];
}

const codecs: ReadonlyMap<number, AnyCodec> = new Map(
  (
    [
      link.helloCodec,
      link.authCodec,
      link.authOkCodec,
      link.errorCodec,
      lease.registerCodec,
      lease.registeredCodec,
      lease.renewCodec,
      lease.renewedCodec,
      lease.releaseCodec,
      lease.releasedCodec,
      lease.supersededCodec,
      connection.lookupCodec,
      connection.foundCodec,
      connection.acceptCodec,
      connection.rejectCodec,
      connection.heldCodec,
      listing.listCodec,
      listing.listedCodec,
      admission.presentCodec,
      admission.presentedCodec,
      admission.pendingCodec,
    ] as unknown as AnyCodec[]
  ).map((codec) => [codec.kind, codec]),
);

/**
 * Body of a MESSAGE frame, `kind u8 | MessagePack array`, in a new array.
 * ERR_PROTOCOL_MESSAGE or ERR_PROTOCOL_LIMIT when `message` could not be decoded again.
 */
export function encodeMessage(message: ControlMessage): Uint8Array {
  const codec = codecs.get(message.kind);
  if (codec === undefined) throw messageError('the kind of message is unknown');
  assertRules(message);
  const body = encodeStrict(message.kind, codec.body.encode(message as MessageBody<ControlMessage>));
  if (body.length > ProtocolSize.CONTROL) throw limitError('a control body exceeds its limit');
  return body;
}

/**
 * The message in the body of a MESSAGE frame. Binary fields are views of `body`.
 *
 * `maxBytes` is 8,192, before AUTH 4,096 (v1.md, "Limits"). Throws ERR_PROTOCOL_LIMIT above it and
 * ERR_PROTOCOL_MESSAGE for anything that is not exactly a message of this version; both break the link.
 */
export function decodeMessage(body: Uint8Array, maxBytes: number = ProtocolSize.CONTROL): ControlMessage {
  if (body.length > maxBytes) throw limitError('a control body exceeds its limit');
  const kind = body[0];
  const codec = kind === undefined ? undefined : codecs.get(kind);
  if (codec === undefined) throw messageError('the kind of message is unknown');
  const message = {
    kind: codec.kind,
    ...codec.body.parse(decodeStrict(body.subarray(1))),
  } as ControlMessage;
  assertRules(message);
  return message;
}

/** Rules that bind several fields of one message. */
function assertRules(message: ControlMessage): void {
  switch (message.kind) {
    case MessageKind.HELLO:
      if (message.limits.leaseTtlMinMs > message.limits.leaseTtlMaxMs) throw messageError('the TTL bounds are swapped');
      return;
    case MessageKind.LOOKUP:
      if ((message.name === null) === (message.id === null)) throw messageError('LOOKUP asks for a name or for an id');
      if (message.name !== null && message.service !== '') throw messageError('a name already says the service');
      return;
    case MessageKind.ACCEPT:
      if (message.message2 !== null && message.resume !== null) throw messageError('ACCEPT is of one kind');
      return;
    default:
  }
}

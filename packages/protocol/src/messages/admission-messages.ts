import { MessageKind, ProofKind, ProtocolSize } from '@sealane/types';
import { boundedBytes, type Field, uint } from '../msgpack/field.js';
import * as fields from './fields.js';
import { type MessageCodec, messageCodec } from './message-codec.js';

/** Shows the relay what lets the sender in: an enrolment token, or an owner's ticket (v1.md, "Admission"). */
export interface Present {
  readonly kind: typeof MessageKind.PRESENT;
  readonly request: number;
  readonly proof: ProofKind;
  /** 1 to 512 bytes; a token is a secret. */
  readonly bytes: Uint8Array;
}

/** The relay took it. */
export interface Presented {
  readonly kind: typeof MessageKind.PRESENTED;
  readonly request: number;
}

/** REGISTER waits for the relay's operator; the answer follows. */
export interface Pending {
  readonly kind: typeof MessageKind.PENDING;
  readonly request: number;
}

export const presentCodec: MessageCodec<Present> = messageCodec<Present>(MessageKind.PRESENT, {
  request: fields.request,
  proof: uint(ProofKind.TICKET, ProofKind.TOKEN) as Field<ProofKind>,
  bytes: boundedBytes(ProtocolSize.PROOF, 1),
});

export const presentedCodec: MessageCodec<Presented> = messageCodec<Presented>(MessageKind.PRESENTED, {
  request: fields.request,
});

export const pendingCodec: MessageCodec<Pending> = messageCodec<Pending>(MessageKind.PENDING, {
  request: fields.request,
});

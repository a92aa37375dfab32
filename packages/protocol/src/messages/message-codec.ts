import type { MessageKind } from '@sealane/types';
import { type Field, type Fields, struct } from '../msgpack/field.js';

/** What a message type consists of beside its kind. */
export type MessageBody<T> = Omit<T, 'kind'>;

/** One kind of message: its number and the array that follows it. */
export interface MessageCodec<T extends { readonly kind: MessageKind }> {
  readonly kind: T['kind'];
  readonly body: Field<MessageBody<T>>;
}

export function messageCodec<T extends { readonly kind: MessageKind }>(
  kind: T['kind'],
  fields: Fields<MessageBody<T>>,
): MessageCodec<T> {
  return { kind, body: struct<MessageBody<T>>(fields) };
}

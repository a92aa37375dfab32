export type Token = 'e' | 's' | 'ee' | 'es' | 'se' | 'ss' | 'psk';

/** One message: who writes it, and its tokens in order. */
export interface MessagePattern {
  readonly fromInitiator: boolean;
  readonly tokens: readonly Token[];
}

/** A handshake pattern with its modifiers applied (Noise revision 34, section 7). */
export interface HandshakePattern {
  /** As it stands in the protocol name, modifiers included. */
  readonly name: string;
  readonly preMessages: readonly MessagePattern[];
  readonly messages: readonly MessagePattern[];
  /** psk tokens over all messages. With any, every `e` is mixed into the key as well (section 9.2). */
  readonly pskCount: number;
  /** Only the initiator ever sends, also after the handshake (section 7.4). */
  readonly isOneWay: boolean;
}

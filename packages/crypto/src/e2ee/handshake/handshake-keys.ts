import type { Identity } from '../../credential/identity.js';

/** The part of an identity that a handshake uses. */
export type HandshakeCredential = Pick<Identity, 'publicKey' | 'epoch' | 'keycert' | 'handshakeKey'>;

/** Bytes before the payload in the Noise messages: an ephemeral key, and in message 1 the encrypted static key. */
export const EPHEMERAL_BYTES = 32;
const STATIC_BYTES = 48;
const TAG_BYTES = 16;

/** `suite u8 | owner epoch u32` */
export const MESSAGE_1_HEADER_BYTES = 5;
export const MESSAGE_1_OVERHEAD_BYTES: number = MESSAGE_1_HEADER_BYTES + EPHEMERAL_BYTES + STATIC_BYTES + TAG_BYTES;
/** Without `suite u8` and, in suite 2, the KEM ciphertext. */
export const MESSAGE_2_NOISE_OVERHEAD_BYTES: number = EPHEMERAL_BYTES + TAG_BYTES;

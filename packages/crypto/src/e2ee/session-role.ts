/** Which side of the handshake this is: the dialer is the Noise initiator, the owner the responder. */
export type SessionRole = 'dialer' | 'owner';

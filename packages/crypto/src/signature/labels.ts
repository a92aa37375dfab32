/**
 * Everything that Sealane signs, closed: a signature made for one purpose never verifies for another. No label is a
 * prefix of another one (v1.md, "Signatures"). Values are never reused; retired ones stay listed.
 */
export const SignatureLabel = {
  /** An identity's handshake key of one epoch. */
  KEYCERT: 'sealane/1/keycert',
  /** A relay identity's node key of one epoch. */
  NODECERT: 'sealane/1/nodecert',
  /** A client's answer to a relay's HELLO. */
  AUTH: 'sealane/1/auth-client',
  /** A relay node's answer to AUTH. */
  AUTH_OK: 'sealane/1/auth-relay',
  /** The exact bytes of a lease. */
  LEASE: 'sealane/1/lease',
  /** The open part of an owner's ticket. */
  TICKET: 'sealane/1/ticket',
} as const;
export type SignatureLabel = (typeof SignatureLabel)[keyof typeof SignatureLabel];

/**
 * Numbers of the wire, version 1. A number is never reused; retired ones stay listed.
 * Byte tables: docs/protocol/v1.md.
 */

/** Prefix of every signature, key derivation and prologue. */
export const LABEL = 'sealane/1';

/** WebSocket subprotocol of the link between client and relay. */
export const SUBPROTOCOL = 'sealane.1';

/** Mux frame types (v1.md, "Frames"). Unknown ones below 64 are fatal, from 64 on ignored. */
export const FrameType = {
  DATA: 0,
  CREDIT: 1,
  RESET: 2,
  PING: 3,
  PONG: 4,
  GOAWAY: 5,
  /** A control message of the layer above: `kind u8 | body`. Only on the WebSocket, fatal inside a session. */
  MESSAGE: 6,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** Flags of DATA. All others are reserved, sent as zero and fatal when set. */
export const FrameFlag = { OPEN: 1, FIN: 2 } as const;

/** `type u8 | flags u8 | stream u32 | length u24` */
export const FRAME_HEADER_BYTES = 9;

/** Kinds of control messages between client and relay (v1.md, "Control messages"). */
export const MessageKind = {
  HELLO: 1,
  AUTH: 2,
  AUTH_OK: 3,
  /** A refusal: of a request by its number, or of the link with request 0. */
  ERROR: 4,
  REGISTER: 5,
  REGISTERED: 6,
  RENEW: 7,
  RENEWED: 8,
  RELEASE: 9,
  RELEASED: 10,
  SUPERSEDED: 11,
  LOOKUP: 12,
  FOUND: 13,
  ACCEPT: 14,
  REJECT: 15,
  HELD: 16,
  LIST: 17,
  LISTED: 18,
  /** Shows the relay a token or a ticket. */
  PRESENT: 19,
  PRESENTED: 20,
  /** The answer to a request comes later: an operator has to decide. */
  PENDING: 21,
} as const;
export type MessageKind = (typeof MessageKind)[keyof typeof MessageKind];

/** What the OPEN body of an outer stream asks for. */
export const OpenKind = { CONNECT: 1, RESUME: 2 } as const;
export type OpenKind = (typeof OpenKind)[keyof typeof OpenKind];

/** Record types inside a session (v1.md, "Records"). Unknown ones below 64 are fatal, 64 to 127 ignored. */
export const RecordType = { FRAMES: 0, CONFIRM: 1, REKEY: 2, CLOSE: 3, ABORT: 4, PAD: 5 } as const;
export type RecordType = (typeof RecordType)[keyof typeof RecordType];

/** Set on a record type: the body is `body | zeros | u16 count of zeros`. */
export const RECORD_PADDED = 0x80;

/** End-to-end suites. */
export const Suite = {
  /** Noise_IK_25519_ChaChaPoly_BLAKE2b */
  CLASSICAL: 1,
  /** Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b, the psk from ML-KEM-768 */
  HYBRID: 2,
} as const;
export type Suite = (typeof Suite)[keyof typeof Suite];

/** Feature bits of the link, offered in HELLO and AUTH; in use is what both offered. */
export const LinkFeature = {
  /** The relay routes resuming CONNECTs by instance, holds them and answers HELD. */
  RESUME: 1,
  /** The relay lists public leases: LIST and LISTED. */
  LIST: 2,
  /** The relay takes tokens and tickets, and may let a lease wait: PRESENT, PRESENTED, PENDING. */
  ADMISSION: 4,
} as const;

/** What PRESENT shows. */
export const ProofKind = { TOKEN: 1, TICKET: 2 } as const;
export type ProofKind = (typeof ProofKind)[keyof typeof ProofKind];

/** Feature bits of a session, offered in message 1 and message 2; in use is what both offered. */
export const SessionFeature = {
  /** The session can be resumed on another path. */
  RESUME: 1,
} as const;

/** Flags of a lease. */
export const LeaseFlag = {
  /** May be listed. */
  PUBLIC: 1,
  /** For sessions that live on when their listener has closed: found by its instance alone, never in conflict. */
  RESUME_ONLY: 2,
  /** Requests for a connection need a ticket of the owner. */
  TICKETS: 4,
} as const;

/** Flags of REGISTER. */
export const RegisterFlag = {
  /** Take the lease over from another live instance. */
  TAKE_OVER: 1,
} as const;

/** Why a lease was superseded. */
export const SupersededBy = { SAME_INSTANCE: 0, OTHER_INSTANCE: 1 } as const;
export type SupersededBy = (typeof SupersededBy)[keyof typeof SupersededBy];

/** Codes with which a relay refuses (ERROR, REJECT). A relay can invent any of them. */
export const RelayCode = {
  BUSY: 1,
  NO_OWNER: 2,
  KEYCERT: 3,
  LIMIT: 4,
  NO_SESSION: 5,
  WRONG_AUTHORITY: 6,
  AUTH: 7,
  VERSION: 8,
  LEASE_IN_USE: 9,
  LEASE_STALE: 10,
  LEASE_INVALID: 11,
  NO_LEASE: 12,
  NAME_TAKEN: 13,
  NAME_INVALID: 14,
  MALFORMED: 15,
  TIMEOUT: 16,
  DRAINING: 17,
  DENIED: 18,
  INTERNAL: 19,
  TOKEN: 20,
  TICKET: 21,
} as const;
export type RelayCode = (typeof RelayCode)[keyof typeof RelayCode];

/** Codes of message 2: only the owner can give them, sealed. */
export const OwnerCode = { OK: 0, DENIED: 1, NO_ALPN: 2, NO_TARGET: 3, DOWNGRADE: 4, BUSY: 5 } as const;
export type OwnerCode = (typeof OwnerCode)[keyof typeof OwnerCode];

/** Codes of ABORT, and the status of RESUME: why a session was ended. */
export const AbortCode = {
  INTERNAL: 1,
  PROTOCOL: 2,
  DENIED: 3,
  INTEGRITY: 4,
  PEER_STALLED: 5,
  SHUTDOWN: 6,
} as const;
export type AbortCode = (typeof AbortCode)[keyof typeof AbortCode];

/** Codes of RESET: why a stream was ended at once. */
export const ResetCode = {
  CANCELLED: 1,
  REFUSED: 2,
  UNREACHABLE: 3,
  BUSY: 4,
  DENIED: 5,
  TRUNCATED: 6,
  INTERNAL: 7,
  TIMEOUT: 8,
  /** The sending side ended its path or link. */
  GONE: 9,
  PROTOCOL: 10,
} as const;
export type ResetCode = (typeof ResetCode)[keyof typeof ResetCode];

/** Codes of GOAWAY. */
export const GoAwayCode = { SHUTDOWN: 1, DRAINING: 2, SUPERSEDED: 3, PROTOCOL: 4 } as const;
export type GoAwayCode = (typeof GoAwayCode)[keyof typeof GoAwayCode];

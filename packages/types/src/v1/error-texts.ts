import type { RelayCode } from './wire.js';

/** Raised with nothing more to say, or by a code on the wire. What a page loads has no texts: `scripts/build/web.mjs`. */
export const bareErrors = {
  // identities and files
  ERR_KEYCERT_INVALID: 'the keycert does not verify',
  // noise processor
  ERR_NOISE_STATE: 'the handshake is not at this step',
  ERR_NOISE_MESSAGE: 'the handshake message does not open',
  // end to end
  ERR_E2EE_HANDSHAKE: 'the handshake failed',
  ERR_E2EE_DAMAGED: 'the answer is damaged, or the access secret differs',
  ERR_E2EE_SUITE: 'the suite differs from the one asked for',
  ERR_E2EE_EPOCH: 'the owner has rotated its keys',
  ERR_E2EE_KEYCERT: 'the keycert is older than one already seen',
  ERR_E2EE_DENIED: 'the owner does not let this identity in',
  ERR_E2EE_NO_ALPN: 'the owner speaks none of the offered protocols',
  ERR_E2EE_NO_TARGET: 'the owner does not serve this service',
  ERR_E2EE_DOWNGRADE: 'a better suite was possible than the one used',
  ERR_E2EE_BUSY: 'the owner is at a limit',
  ERR_E2EE_INTEGRITY: 'a record was changed on its way',
  ERR_E2EE_PROTOCOL: 'the peer broke the session protocol',
  ERR_E2EE_TRUNCATED: 'the session ended before its authenticated end',
  ERR_E2EE_PEER_STALLED: 'the peer takes no data',
  ERR_E2EE_ABORTED: 'the peer ended the session',
  ERR_E2EE_CLOSED: 'the session is closed',
  ERR_E2EE_TIMEOUT: 'the handshake did not finish in time',
  // streams
  ERR_STREAM_CANCELLED: 'the stream was cancelled',
  ERR_STREAM_REFUSED: 'the stream was refused',
  ERR_STREAM_UNREACHABLE: 'the target cannot be reached',
  ERR_STREAM_BUSY: 'a stream limit is reached',
  ERR_STREAM_DENIED: 'the stream was denied',
  ERR_STREAM_TRUNCATED: 'the stream ended before its end',
  ERR_STREAM_RESET: 'the stream was reset',
  // frames, messages, links
  ERR_PROTOCOL_LIMIT: 'a message exceeds its limit',
  ERR_MUX_CREDIT: 'a peer sent more than it was allowed',
  ERR_MUX_CLOSED: 'the link is closed',
  ERR_LINK_LOST: 'the link to the relay was lost',
  ERR_LINK_DEAD: 'the relay does not answer',
  ERR_LINK_TIMEOUT: 'the relay did not answer in time',
  // of a relay, beside its refusals
  ERR_RELAY_UNKNOWN: 'the relay refused with a code that is not known here',
  ERR_RELAY_SUPERSEDED: 'another process took the lease over',
  // use
  ERR_ARGUMENT: 'an argument is not valid',
  ERR_ABORTED: 'the caller gave up',
  ERR_CLOSED: 'it is closed',
  ERR_INTERNAL: 'a defect of this program',
} as const;

/** What the code of every refusal of a relay begins with. */
export const RELAY = 'ERR_RELAY_';

/**
 * What a relay's refusals say, in the order of their numbers in RelayCode, from 1 on: the code of each is `ERR_RELAY_` and
 * its name.
 */
export const relayRefusals: Readonly<Record<keyof typeof RelayCode, string>> = {
  BUSY: 'the relay is at a limit',
  NO_OWNER: 'nobody holds this address at the relay',
  KEYCERT: 'the owner has rotated its keys',
  LIMIT: 'a limit of the relay was reached',
  NO_SESSION: 'the relay knows no such session',
  WRONG_AUTHORITY: 'the relay goes by another address',
  AUTH: 'the relay did not take the authentication',
  VERSION: 'the relay speaks another version',
  LEASE_IN_USE: 'another process holds this lease',
  LEASE_STALE: 'the relay has a newer lease',
  LEASE_INVALID: 'the relay did not take the lease',
  NO_LEASE: 'the lease is not held',
  NAME_TAKEN: 'the name belongs to somebody else',
  NAME_INVALID: 'the relay did not take the name',
  MALFORMED: 'the relay could not read the message',
  TIMEOUT: 'the owner did not answer in time',
  DRAINING: 'the relay is shutting down',
  DENIED: 'the relay does not let this client do this',
  INTERNAL: 'the relay failed',
  TOKEN: 'the relay wants a token',
  TICKET: 'the relay wants a ticket',
};

/** Always raised with a message that says more. */
export const saidErrors = {
  ERR_ID_INVALID: 'the id is not a Sealane id',
  ERR_NAME_INVALID: 'the name is not a Sealane name',
  ERR_ADDRESS_INVALID: 'the address cannot be read',
  ERR_KEY_FILE_INVALID: 'the key file cannot be read as one',
  ERR_SECRET_INVALID: 'the access secret is not one',
  ERR_TICKET_INVALID: 'the ticket is not one',
  ERR_CRYPTO_NOT_READY: 'the cryptography is not loaded yet',
  ERR_CRYPTO_UNAVAILABLE: 'the cryptography cannot be loaded here',
  ERR_STORAGE: 'the storage of the browser cannot be used',
  ERR_NOISE_PATTERN: 'the handshake pattern is not supported',
  ERR_E2EE_DUPLICATE: 'the handshake message was seen before',
  ERR_LINK_CERTIFICATE: "the relay's certificate is not trusted",
  ERR_LINK_PROXY: 'the proxy on the way to the relay refused or cannot be reached',
  ERR_PROTOCOL_FRAME: 'a frame breaks the protocol',
  ERR_PROTOCOL_MESSAGE: 'a control message breaks the protocol',
  ERR_MUX_STREAM: 'a stream number breaks the protocol',
  ERR_MUX_FLOOD: 'a peer sends without reading',
  ERR_LINK_PROTOCOL: 'the relay broke the protocol',
  ERR_LINK_FAILED: 'the relay cannot be reached',
  ERR_RELAY_IDENTITY: 'the relay is not the one that was pinned, or cannot prove that it is',
  ERR_RELAY_UNSUPPORTED: 'the relay does not offer this',
  ERR_E2EE_PIN: 'the answer differs from what is pinned',
  ERR_SIGNATURE_INVALID: 'the signature does not verify',
  ERR_KEY_FILE_PERMISSIONS: 'others can read the key file',
  ERR_KEY_FILE_EXISTS: 'the file is already there',
  ERR_KEY_FILE_MISSING: 'the key file does not exist',
  ERR_KEY_FILE_BUSY: 'another process is changing the key file',
  ERR_KEY_FILE_IO: 'the key file cannot be read or written',
  ERR_TRANSFER_REFUSED: 'the other side does not take the file',
  ERR_TRANSFER_NAME: 'the name that the other side gave the file is not taken',
  ERR_TRANSFER_CHECKSUM: 'what arrived is not what was sent',
  ERR_TRANSFER_PROTOCOL: 'the other side broke the rules of a transfer',
  ERR_FILE_EXISTS: 'there is a file of this name already',
  ERR_DATA_DIR_LOCKED: 'another process uses the data directory',
  ERR_DATA_DIR: 'the data directory cannot be used',
  ERR_LISTEN: 'the address cannot be listened on',
  ERR_NOT_LOOPBACK: 'an open relay on this address must be asked for',
  ERR_CONFIG: 'the configuration cannot be read',
  ERR_DATABASE: 'the database failed',
  ERR_DATABASE_CORRUPT: 'the database is damaged',
  ERR_DATABASE_DRIVER: 'there is no database here',
  ERR_DATABASE_FULL: 'the disk is full',
  ERR_DATABASE_READ_ONLY: 'the disk is read-only',
  ERR_DATABASE_VERSION: 'the database is newer',
  ERR_ADMIN: 'the admin API of the relay refused',
  ERR_ADMIN_UNREACHABLE: 'the admin API of the relay cannot be reached',
  ERR_SYSTEM: 'the operating system refused',
} as const;

/** The names of a relay's refusals, in the order of their numbers. */
export const relayNames: readonly string[] = /* @__PURE__ */ Object.keys(relayRefusals);

/** What an error says that is raised with nothing but its code. */
export function textOf(code: string): string {
  const bare: Readonly<Record<string, string>> = bareErrors;
  const refusals: Readonly<Record<string, string>> = relayRefusals;
  return bare[code] ?? refusals[code.slice(RELAY.length)] ?? code;
}

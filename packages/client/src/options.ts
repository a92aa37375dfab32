import type { Identity } from '@sealane/crypto/credential';
import type { MemoryBudget } from '@sealane/mux';
import type { ClientTiming, Clock, RandomBytes, ResetCode, Suite } from '@sealane/types';
import type { KeycertStore } from './keycert-store.js';
import type { PinStore } from './pin-store.js';
import type { AcceptPolicy, PeerRequest } from './policy.js';
import type { KeptBudget } from './session/kept-budget.js';
import type { SecureConnection } from './session/secure-connection.js';
import type { StatusListener } from './status.js';
import type { TransportFactory } from './transport/transport.js';

/** Gives the credential in force now, for keys that are rotated while a process or page runs. */
export interface CredentialSource {
  /** Called before each handshake and each lease signature. */
  current(): Promise<Identity>;
}

export type ClientTimingOptions = { readonly [Key in keyof typeof ClientTiming]?: number };

export interface RelayClientOptions {
  /** Who this client is to its peers. Default: a new identity that lives in memory only. */
  readonly credential?: Identity | CredentialSource;
  /** Shows this identity to the relay on links used for dialing too. Default: a throw-away key per link. */
  readonly identify?: boolean;
  /** The link that `connect` waits for. Default 'dial'. */
  readonly use?: 'dial' | 'listen';
  /** An enrolment token, 32 bytes: shown to relays on the links of this identity. A secret. */
  readonly token?: Uint8Array;
  /** Ends the attempt; has no effect on a client that is connected. */
  readonly signal?: AbortSignal;
  readonly onStatus?: StatusListener;
  /** Default: a WebSocket of the platform. */
  readonly transport?: TransportFactory;
  readonly clock?: Clock;
  readonly random?: RandomBytes;
  /** PEM text of certificate authorities to trust for wss instead of the system's (Node only). */
  readonly ca?: string;
  /** A proxy URL, or false for none. Default: HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment (Node only). */
  readonly proxy?: string | false;
  /** Key of the WebSocket's masking (v1.md, "Links"). Default 'auto': zero over TLS and on loopback, else random. */
  readonly mask?: 'auto' | 'zero' | 'random';
  /** Keep trying when the first attempt fails because the relay cannot be reached. Default false. */
  readonly retry?: boolean;
  readonly timing?: ClientTimingOptions;
  /** Highest keycert seen for each id. Default: in memory. */
  readonly knownKeycerts?: KeycertStore;
  /** What names stood for at first use. Default: in memory. */
  readonly pins?: PinStore;
  /** Memory that all windows and queues of this client are taken from. Default: 256 MiB of its own. */
  readonly budget?: MemoryBudget;
  /** Sessions go on when their relay or network does not. Default on; `giveUpMs: 0` turns it off. */
  readonly resumption?: ResumptionOptions;
  /** @internal Feature bits to offer, as an older or a newer client does. */
  readonly features?: { readonly link?: number; readonly session?: number };
  /** Streams that a peer may hold open at once in one session. Default 1,024. */
  readonly maxStreams?: number;
}

/** How sessions outlive the transport under them. */
export interface ResumptionOptions {
  /** Time without progress after which a session is given up with ERR_E2EE_TRUNCATED. Default 60,000; 0: never resumed. */
  readonly giveUpMs?: number;
  /** What may be kept until it is acknowledged. Default: one budget of 64 MiB for all clients of the process. */
  readonly kept?: KeptBudget;
}

/** What a peer asks for when it opens a stream. */
export interface StreamRequest {
  readonly label: string;
  readonly metadata: Uint8Array;
  readonly peerId: string;
}

export interface ListenOptions {
  /** A name at the relay, beside the id. */
  readonly name?: string;
  /** Default ''. */
  readonly service?: string;
  /** In the owner's order of preference. Default `['sealane/stream/1']`. */
  readonly alpn?: readonly string[];
  /** Hides the ALPN list from the relay. */
  readonly hideAlpn?: boolean;
  /** Decides about every peer; see {@link AcceptPolicy}. There is no default: nobody is let in by omission. */
  readonly accept: AcceptPolicy;
  /**
   * Asked once for each session, when its peer has shown that it is there now: here things may be counted. False ends the
   * session with ERR_E2EE_DENIED, and nothing of it reaches the application.
   */
  readonly confirm?: (peer: PeerRequest, connection: SecureConnection) => boolean;
  /** Relays turn requests away that come without a ticket of this identity; `accept` has to check it again. */
  readonly tickets?: boolean;
  /** Decides about every stream: nothing to accept it, or the code of its reset. */
  readonly acceptStream?: (request: StreamRequest) => undefined | ResetCode;
  /** At most 4,096 bytes, readable by the relay. */
  readonly metadata?: Uint8Array;
  /** The relay may list this lease. Default false. */
  readonly public?: boolean;
  /** Best first. Default: the hybrid suite alone. */
  readonly suites?: readonly Suite[];
  readonly accessSecret?: Uint8Array;
  /** Takes the lease from another live process of this identity. */
  readonly takeOver?: boolean;
  /** 10,000 to 300,000. Default 60,000; the relay may shorten it. */
  readonly ttlMs?: number;
  /** Keep trying when the relay cannot be reached yet, or says that it is busy. Default false. */
  readonly retry?: boolean;
  readonly signal?: AbortSignal;
}

/** A ticket as it is shown: `bytes` to the relay, `whole` sealed to the owner. */
export interface DialTicket {
  readonly bytes: Uint8Array;
  readonly whole: Uint8Array;
}

export interface DialOptions {
  /** Offered to the owner. Default `['sealane/stream/1']`. */
  readonly alpn?: readonly string[];
  readonly signal?: AbortSignal;
  /** Overrides the address's. */
  readonly service?: string;
  readonly suites?: readonly Suite[];
  /** Overrides the address's. */
  readonly accessSecret?: Uint8Array;
  /** The owner's keycert must have at least this epoch. */
  readonly minEpoch?: number;
  /** What the owner made for this dialer; a `Ticket` of `@sealane/client/ticket` is one. */
  readonly ticket?: DialTicket | undefined;
  /** A session of its own instead of a pooled one. */
  readonly fresh?: boolean;
}

export interface OpenStreamOptions {
  /** Target at the owner, at most 63 bytes of UTF-8. Default ''. */
  readonly label?: string;
  /** At most 1,024 bytes. */
  readonly metadata?: Uint8Array;
  readonly signal?: AbortSignal;
}

export const DEFAULT_ALPN = 'sealane/stream/1';

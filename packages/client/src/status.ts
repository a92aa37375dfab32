import type { SealaneError } from '@sealane/types';

export type LinkUse = 'dial' | 'listen';

/** One link of a client, as it is now. */
export interface LinkStatus {
  readonly use: LinkUse;
  readonly url: string;
  readonly state: 'idle' | 'connecting' | 'up' | 'waiting' | 'closed';
  /** Identity that the relay proved; undefined unless the link is up. */
  readonly relayId: string | undefined;
  /** The last round trip; undefined before the first measurement and unless the link is up. */
  readonly rttMs: number | undefined;
  /** Time to the next attempt while it is `waiting`. */
  readonly retryInMs: number | undefined;
}

/** Sums over all sessions of a client, ended ones included. */
export interface ClientStatistics {
  /** Application bytes. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly sessions: number;
  readonly sessionsOpen: number;
  /** Streams of both sides. */
  readonly streams: number;
  readonly streamsOpen: number;
}

/** What a client tells about itself. Never carries secrets or payload. */
export type StatusEvent =
  | { readonly type: 'link'; readonly state: 'connecting'; readonly use: LinkUse; readonly url: string }
  | {
      readonly type: 'link';
      readonly state: 'up';
      readonly use: LinkUse;
      readonly url: string;
      readonly relayId: string;
    }
  | {
      readonly type: 'link';
      readonly state: 'waiting';
      readonly use: LinkUse;
      readonly url: string;
      readonly attempt: number;
      readonly retryInMs: number;
      readonly error: SealaneError;
    }
  | {
      readonly type: 'link';
      readonly state: 'closed';
      readonly use: LinkUse;
      readonly url: string;
      readonly error?: SealaneError;
    }
  | {
      readonly type: 'lease';
      /** The relay's, without its identity. */
      readonly url: string;
      /** `pending`: an operator of the relay has to approve it; it cannot be reached before. */
      readonly state: 'registered' | 'pending' | 'waiting' | 'refused' | 'released';
      readonly service: string;
      readonly name: string | null;
      readonly error?: SealaneError;
    }
  | {
      readonly type: 'session';
      readonly state: 'open' | 'closed';
      readonly role: 'dialer' | 'owner';
      readonly peerId: string;
      readonly service: string;
      readonly alpn: string;
      /** 16 bytes, as dialer, owner and relay log it. */
      readonly connectionId: Uint8Array;
      readonly error?: SealaneError;
    }
  /** The path of a session broke, and another one is looked for: its streams wait. */
  | {
      readonly type: 'session';
      readonly state: 'interrupted';
      readonly role: 'dialer' | 'owner';
      readonly peerId: string;
      readonly service: string;
      readonly alpn: string;
      /** 16 bytes, as dialer, owner and relay log it. */
      readonly connectionId: Uint8Array;
      readonly error: SealaneError;
    }
  /** Another path carries the session on. */
  | {
      readonly type: 'session';
      readonly state: 'resumed';
      readonly role: 'dialer' | 'owner';
      readonly peerId: string;
      readonly service: string;
      readonly alpn: string;
      /** 16 bytes, as dialer, owner and relay log it. */
      readonly connectionId: Uint8Array;
      /** Milliseconds without a path. */
      readonly gapMs: number;
      /** Identity of the relay that carries it now. */
      readonly relayId: string | undefined;
      /** 16 bytes, by which the relay logs this path. */
      readonly resumeId: Uint8Array;
    }
  /** A request could not be answered for a reason on this side, e.g. a key file that cannot be read. */
  | { readonly type: 'fault'; readonly service: string; readonly error: SealaneError }
  /** A name was used for the first time, and what it stands for was pinned. */
  | {
      readonly type: 'pin';
      readonly relayId: string;
      readonly name: string;
      readonly id: string;
      readonly service: string;
    };

export type StatusListener = (event: StatusEvent) => void;

/** What a live view shows at one moment. Nothing of it is payload; text of others is not safe yet. */
export interface LiveSnapshot {
  readonly title: string;
  readonly upMs: number;
  readonly links: readonly LiveLink[];
  readonly sessions: readonly LiveSession[];
  /** Over all sessions, ended ones included. */
  readonly total: Traffic & { readonly sessions: number; readonly streams: number };
}

export interface LiveLink {
  readonly url: string;
  readonly state: string;
  readonly isUp: boolean;
  readonly rttMs: number | undefined;
}

export interface LiveSession extends Traffic {
  readonly peerId: string;
  /** The user's own name for the peer. */
  readonly alias: string | undefined;
  /** Undefined while there is nothing to say, else a few words: that it is interrupted, was resumed just now, or ends. */
  readonly note: string | undefined;
  readonly streams: number;
  readonly rttMs: number | undefined;
}

export interface Traffic {
  /** Application bytes from the peer and to it, and per second now. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly inPerSecond: number;
  readonly outPerSecond: number;
}

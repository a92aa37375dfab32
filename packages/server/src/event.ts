/** Name of a refusal: a RelayCode, or what happened to a socket before it could be told a code. */
export type RefusalName = string;

/**
 * What the relay, the dialer and the owner all know a request for a connection by, in hex: `connection` of a new session,
 * `resume` of another path for one that goes on. Neither is secret, or known to be of somebody.
 */
export type RequestTrace = { readonly connection?: string; readonly resume?: string };

/** What a relay tells its operator. Ids and numbers only: no payload, no secrets. */
export type RelayEvent =
  | { readonly type: 'link-open'; readonly link: string; readonly client: string }
  | { readonly type: 'link-close'; readonly link: string; readonly client: string; readonly reason: string }
  | {
      readonly type: 'lease';
      readonly link: string;
      readonly id: string;
      readonly service: string;
      readonly name: string | null;
      readonly ttlMs: number;
    }
  | { readonly type: 'lease-end'; readonly id: string; readonly service: string; readonly reason: LeaseEndReason }
  /** It waits for an operator's approval: a lease until then, a dialer was refused. */
  | {
      readonly type: 'pending';
      readonly link: string;
      readonly use: 'lease' | 'dial';
      readonly id: string;
      readonly service: string;
      readonly name: string | null;
    }
  /** The policy does not allow any more what was open: a lease, or without a service a dialer's link. */
  | {
      readonly type: 'denied';
      readonly link: string;
      readonly id: string;
      readonly service?: string;
      readonly reason: string;
    }
  | ({
      readonly type: 'session-open';
      readonly session: number;
      readonly owner: string;
      readonly service: string;
      /** Links of the two sides. */
      readonly ownerLink: string;
      readonly dialerLink: string;
    } & RequestTrace)
  | ({
      readonly type: 'session-close';
      readonly session: number;
      readonly bytesToOwner: number;
      readonly bytesToDialer: number;
    } & RequestTrace)
  | ({ readonly type: 'refused'; readonly code: RefusalName; readonly where: RefusalStage } & RequestTrace)
  /** Something for the operator to mend. */
  | { readonly type: 'warning'; readonly code: WarningCode; readonly message: string }
  | { readonly type: 'fault'; readonly code: string; readonly message: string };

/**
 * `UNTRUSTED_PROXY`: somebody who is no trusted proxy says whom it passes on. `PROXY_PROTOCOL`: a trusted proxy sends PROXY
 * data that is not read, or none of version 2 where it has to.
 */
export type WarningCode = 'UNTRUSTED_PROXY' | 'PROXY_PROTOCOL';

export type RefusalStage = 'socket' | 'http' | 'auth' | 'lease' | 'lookup' | 'connect' | 'link' | 'session';

export type LeaseEndReason = 'released' | 'expired' | 'superseded' | 'link-lost' | 'denied';

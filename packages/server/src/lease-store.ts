/** A value now or later: a memory store answers at once, a distributed one does not. */
export type Awaitable<T> = T | Promise<T>;

/** What is kept of a lease. Byte arrays are the store's own copies. */
export interface LeaseRecord {
  /** Text id of the owner. */
  readonly id: string;
  readonly identity: Uint8Array;
  readonly service: string;
  readonly instance: Uint8Array;
  readonly sequence: number;
  readonly name: string | null;
  readonly keycert: Uint8Array;
  readonly alpn: readonly string[] | null;
  readonly suites: readonly number[];
  readonly flags: number;
  readonly metadata: Uint8Array;
  readonly ttlMs: number;
  /** Of a public lease what its owner signed, so that others can verify a listing; null: it is never listed. */
  readonly signed: { readonly lease: Uint8Array; readonly signature: Uint8Array } | null;
  /** Opaque to the store: which link, and in a cluster which node, serves the lease. */
  readonly holder: string;
}

export interface ClaimOptions {
  /**
   * The claim holds only if the lease in force has this holder (or there is none in force).
   * `undefined`: only if none is in force.
   */
  readonly replaces: string | undefined;
}

export type ClaimResult =
  | { readonly ok: true; readonly previous: LeaseRecord | undefined }
  | { readonly ok: false; readonly reason: 'held'; readonly current: LeaseRecord }
  | { readonly ok: false; readonly reason: 'stale'; readonly sequence: number }
  | { readonly ok: false; readonly reason: 'name-taken' | 'leases' | 'names' | 'full' };

/** Some public leases in the store's order. */
export interface PublicPage {
  readonly records: readonly {
    /** Where a page after this record starts: 1 to 128 characters, each below U+0100. */
    readonly cursor: string;
    readonly record: LeaseRecord;
  }[];
  /** Where the next page starts; undefined at the end. A page may be short, even empty, and not the last. */
  readonly next: string | undefined;
}

/**
 * Leases, names and sequence numbers. Every method is one atomic step, so that a store shared by several nodes can
 * stand behind it. Time is the store's own, monotonic; a lease whose time ran out is never returned.
 */
export interface LeaseStore {
  find(identity: Uint8Array, service: string): Awaitable<LeaseRecord | undefined>;
  findName(name: string): Awaitable<LeaseRecord | undefined>;
  /** Puts a lease in force if its sequence is above the last one, its name free, and limits allow. */
  claim(record: LeaseRecord, options: ClaimOptions): Awaitable<ClaimResult>;
  /** Starts the lease's time again; undefined if it is not in force under that holder with that sequence. */
  renew(identity: Uint8Array, service: string, holder: string, sequence: number): Awaitable<LeaseRecord | undefined>;
  /** Ends the lease; its name and sequence number stay reserved for the owner. */
  release(identity: Uint8Array, service: string, holder: string): Awaitable<boolean>;
  /** Ends what ran out of time and returns the leases that did. Called about once a second. */
  expire(): Awaitable<readonly LeaseRecord[]>;
  /**
   * Looks at up to `limit` leases that are public, after `cursor` in an order that does not change while a lease is in
   * force: what is public all the while is seen exactly once over all pages. Costs what `limit` says, however many
   * leases there are. A cursor that the store never gave is a place like any other.
   */
  listPublic(cursor: string | undefined, limit: number): Awaitable<PublicPage>;
  readonly leaseCount: number;
  readonly nameCount: number;
}

import type { DialTarget } from './address.js';
import type { Listener } from './listener.js';
import type { DialOptions, ListenOptions, OpenStreamOptions, RelayClientOptions } from './options.js';
import type { SecureConnection } from './session/secure-connection.js';
import type { SecureStream } from './session/secure-stream.js';

export interface FoundOwner {
  readonly id: string;
  readonly service: string;
  /** 132 bytes, verified. */
  readonly keycert: Uint8Array;
  readonly epoch: number;
  readonly instance: Uint8Array;
}

/** Listens and dials through one relay. */
export declare class RelayClient implements AsyncDisposable {
  /** Resolves when the link named by `use` is authenticated. */
  static connect(url: string, options?: RelayClientOptions): Promise<RelayClient>;
  /** Without waiting for a link; dials and listens wait for it. */
  static create(url: string, options?: RelayClientOptions): Promise<RelayClient>;
  /** Identity of the relay; undefined until the first link is up when the URL does not pin it. */
  readonly relayId: string | undefined;
  /** This client's own id. */
  readonly id: string;
  readonly url: string;
  listen(options: ListenOptions): Promise<Listener>;
  /** A session with the owner, shared with other callers unless `fresh`. */
  dial(address: string | DialTarget, options?: DialOptions): Promise<SecureConnection>;
  /** One stream in a pooled session that has room; opens a further session at the stream limit. */
  openStream(address: string | DialTarget, options?: DialOptions & OpenStreamOptions): Promise<SecureStream>;
  lookup(nameOrId: string, service?: string, options?: { signal?: AbortSignal }): Promise<FoundOwner>;
  /** Closes listeners, sessions and links. Idempotent. */
  close(options?: { deadlineMs?: number }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export declare const connect: (url: string, options?: RelayClientOptions) => Promise<RelayClient>;

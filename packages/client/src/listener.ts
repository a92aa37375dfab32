import type { SecureConnection } from './session/secure-connection.js';

/** A lease that is kept, and the sessions that come in under it. */
export declare class Listener implements AsyncIterable<SecureConnection>, AsyncDisposable {
  readonly id: string;
  readonly service: string;
  readonly name: string | null;
  /** `sealane://` address with id, service, relay and relay id. */
  readonly address: string;
  /** Resolves after `close`, rejects when the lease was lost for good (ERR_RELAY_SUPERSEDED, ERR_RELAY_NAME_TAKEN, …). */
  readonly closed: Promise<void>;
  /** Releases the lease and takes no new sessions; sessions that were accepted go on. Idempotent. */
  close(): Promise<void>;
  [Symbol.asyncIterator](): AsyncIterator<SecureConnection>;
  [Symbol.asyncDispose](): Promise<void>;
}

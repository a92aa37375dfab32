import { SealaneError } from '@sealane/types';
import type { OwnedService } from './handshake/owned-service.js';
import type { ListenOptions } from './options.js';
import type { PeerRequest } from './policy.js';
import { AsyncQueue } from './session/async-queue.js';
import { Deferred } from './session/deferred.js';
import type { SecureConnection } from './session/secure-connection.js';

export interface ListenerOptions {
  readonly id: string;
  readonly service: string;
  readonly instance: Uint8Array;
  readonly listen: ListenOptions;
  readonly describeAddress: () => string;
  readonly release: () => Promise<void>;
  /** The lease is lost everywhere. */
  readonly onFail: () => void;
  readonly onConnection: (connection: SecureConnection) => void;
  /** It is closed, and the last of its sessions that could be resumed has ended. */
  readonly onIdle: () => void;
}

/** A lease that is kept, and the sessions that come in under it. */
export class Listener implements OwnedService, AsyncIterable<SecureConnection>, AsyncDisposable {
  readonly id: string;
  readonly service: string;
  readonly options: ListenOptions;
  readonly instance: Uint8Array;
  /** As the relay confirmed it; null without one. */
  name: string | null = null;
  readonly #options: ListenerOptions;
  readonly #connections = new Map<SecureConnection, PeerRequest>();
  readonly #incoming = new AsyncQueue<SecureConnection>();
  readonly #closed = new Deferred<void>();
  #closing: Promise<void> | undefined;

  /** @internal Made by `RelayClient.listen`, never by applications. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.id = options.id;
    this.service = options.service;
    this.options = options.listen;
    this.instance = options.instance;
  }

  /** `sealane://` address with id, service, relay and relay id: all that a dialer needs. */
  get address(): string {
    return this.#options.describeAddress();
  }

  /**
   * Resolves after `close`, rejects when the lease was lost for good: ERR_RELAY_SUPERSEDED, ERR_RELAY_LEASE_IN_USE,
   * ERR_RELAY_NAME_TAKEN, ERR_RELAY_DENIED for a ban without an end, and other refusals. Iteration ends in the same way.
   */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Sessions that came in under this lease and have not ended. */
  get connections(): ReadonlySet<SecureConnection> {
    return new Set(this.#connections.keys());
  }

  /** Releases the lease and takes no new sessions; the accepted ones go on. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Sessions whose dialers have confirmed. Leaving the loop closes the listener. */
  [Symbol.asyncIterator](): AsyncIterator<SecureConnection> {
    return {
      next: () => this.#incoming.next(),
      return: async () => {
        await this.close();
        return { value: undefined, done: true };
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal The lease is lost: nothing new comes in. */
  fail(error: SealaneError): void {
    this.#closing ??= Promise.resolve();
    this.#options.onFail();
    this.#incoming.end(error);
    this.#closed.reject(error);
  }

  /** @internal */
  openSessionsOf(peerId: string): number {
    let count = 0;
    for (const connection of this.#connections.keys()) {
      if (connection.peerId === peerId && connection.isOpen && !connection.isSuspended) count += 1;
    }
    return count;
  }

  /** @internal */
  onConnection(connection: SecureConnection, peer: PeerRequest): void {
    this.#connections.set(connection, peer);
    this.#options.onConnection(connection);
    if (!this.#incoming.push(connection)) connection.abort(new SealaneError('ERR_CLOSED'));
  }

  /** @internal */
  onConnectionEnd(connection: SecureConnection): void {
    this.#connections.delete(connection);
    if (this.isClosed && !this.hasResumable) this.#options.onIdle();
  }

  /** @internal Sessions that may still come back over another path. */
  get hasResumable(): boolean {
    for (const connection of this.#connections.keys()) if (connection.isResumable) return true;
    return false;
  }

  /**
   * Asks the policy again about every session that is there, as when a list of ids has changed. Those that it does not
   * allow any more end with ERR_E2EE_DENIED, on both sides.
   */
  async recheck(): Promise<void> {
    await Promise.all([...this.#connections].map(([connection, peer]) => this.#recheck(connection, peer)));
  }

  async #recheck(connection: SecureConnection, peer: PeerRequest): Promise<void> {
    let isAllowed = false;
    try {
      isAllowed = (await this.options.accept(peer)) === true;
    } catch {
      // An exception refuses, as at the first time.
    }
    if (!isAllowed)
      connection.abort(new SealaneError('ERR_E2EE_DENIED', 'the policy does not allow this peer any more'));
  }

  async #close(): Promise<void> {
    await this.#options.release();
    for (const connection of this.#incoming.drop()) connection.abort(new SealaneError('ERR_CLOSED'));
    this.#closed.resolve();
  }
}

import { blake2b } from '@sealane/crypto';
import { type Clock, ResumptionLimit, SealaneError, SessionLimit, type Suite, type Timer } from '@sealane/types';
import { abortedBy, untilAborted, whenAborted } from './abort-signal.js';
import { Deferred } from './session/deferred.js';
import type { SecureConnection } from './session/secure-connection.js';

/** What must be equal for two callers to share a session (v1.md, "Pooling"); relay and identity are the client's. */
export interface PoolKeyParts {
  readonly ownerId: string;
  readonly service: string;
  readonly alpn: readonly string[];
  readonly suites: readonly Suite[];
  readonly accessSecret: Uint8Array | undefined;
  readonly ticket?: Uint8Array | undefined;
}

export function poolKey(parts: PoolKeyParts): string {
  const { ownerId, service, alpn, suites, accessSecret, ticket } = parts;
  const secrets = [accessSecret, ticket].map((secret) => secret && [...blake2b(32, secret)]);
  return JSON.stringify([ownerId, service, alpn, suites, secrets]);
}

export interface PoolHooks {
  readonly onChange: (connection: SecureConnection) => void;
  readonly onEnd: (connection: SecureConnection) => void;
}

export type PoolDial = (signal: AbortSignal, hooks: PoolHooks) => Promise<SecureConnection>;

interface Dialing {
  readonly result: Promise<SecureConnection>;
  readonly abort: AbortController;
  readonly minEpoch: number;
  callers: number;
}

interface PoolEntry {
  readonly connections: Set<SecureConnection>;
  dialing: Dialing | undefined;
  /** Who waits for an interrupted session to come back. */
  readonly waiting: Set<() => void>;
  /** Idle sessions that nobody needs, until their time is over. */
  readonly idle: Map<SecureConnection, Timer>;
}

/** Sessions that ended as soon as they began, before a caller is told so. */
const MAX_ENDED = 3;
/** The owner may answer the last stream by one of its own, in the same record even: only after this time it did not. */
const IDLE_MS = 5_000;

/** Sessions that are shared: concurrent first dials become one, and a full session gets another one beside it. */
export class ConnectionPool {
  readonly #clock: Clock;
  readonly #entries = new Map<string, PoolEntry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A session with room for a stream, of at least this epoch, without waiting. */
  pick(key: string, minEpoch: number): SecureConnection | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    for (const connection of entry.connections) {
      if (connection.freeStreams === 0 || connection.peerEpoch < minEpoch) continue;
      if (!this.#isOld(connection) && !connection.isSuspended) return connection;
    }
    return undefined;
  }

  /** {@link pick}, or a dial that is shared with every caller who waits for the same. */
  async get(key: string, minEpoch: number, dial: PoolDial, signal?: AbortSignal): Promise<SecureConnection> {
    for (let ended = 0; ; ) {
      if (signal?.aborted) throw abortedBy(signal);
      const found = this.pick(key, minEpoch);
      if (found !== undefined) return found;
      const returning = this.#mayReturn(key, minEpoch, signal);
      if (returning !== undefined) {
        await returning;
        continue;
      }
      const { connection, askedEpoch } = await this.#shareDial(key, minEpoch, dial, signal);
      if (connection.peerEpoch < minEpoch) {
        // Dialed for a caller who asks for less: then once more, for this one.
        if (askedEpoch < minEpoch) continue;
        throw new SealaneError('ERR_E2EE_KEYCERT', 'the owner uses an older key than the address asks for');
      }
      // Who gets here first takes the streams: the others look again, and dial again when it is full already.
      if (connection.freeStreams > 0) return connection;
      if (connection.isOpen) continue;
      ended += 1;
      if (ended >= MAX_ENDED) {
        await Promise.race([connection.closed, undefined]);
        throw new SealaneError('ERR_E2EE_CLOSED', undefined, { retryable: true });
      }
    }
  }

  async #shareDial(
    key: string,
    minEpoch: number,
    dial: PoolDial,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly connection: SecureConnection; readonly askedEpoch: number }> {
    const entry = this.#entry(key);
    entry.dialing ??= this.#dial(key, minEpoch, entry, dial);
    const { dialing } = entry;
    dialing.callers += 1;
    try {
      return { connection: await untilAborted(() => dialing.result, signal), askedEpoch: dialing.minEpoch };
    } finally {
      dialing.callers -= 1;
      if (dialing.callers === 0) {
        // Who comes now dials anew instead of hearing that others gave up.
        if (entry.dialing === dialing) entry.dialing = undefined;
        dialing.abort.abort();
      }
    }
  }

  #dial(key: string, minEpoch: number, entry: PoolEntry, dial: PoolDial): Dialing {
    const abort = new AbortController();
    const hooks: PoolHooks = {
      onChange: (connection) => {
        for (const wake of [...entry.waiting]) wake();
        this.#tidy(entry, connection);
      },
      onEnd: (connection) => {
        for (const wake of [...entry.waiting]) wake();
        this.#keep(entry, connection);
        entry.connections.delete(connection);
        this.#dropEmpty(key, entry);
      },
    };
    const result = dial(abort.signal, hooks).then(
      (connection) => {
        if (entry.dialing === dialing) entry.dialing = undefined;
        if (connection.isOpen) entry.connections.add(connection);
        else this.#dropEmpty(key, entry);
        return connection;
      },
      (error: unknown) => {
        if (entry.dialing === dialing) entry.dialing = undefined;
        this.#dropEmpty(key, entry);
        throw error;
      },
    );
    result.catch(() => undefined);
    const dialing: Dialing = { result, abort, minEpoch, callers: 0 };
    return dialing;
  }

  /** Idle sessions beyond the first, and old ones, are closed after a while; one idle session stays for the next caller. */
  #tidy(entry: PoolEntry, connection: SecureConnection): void {
    this.#keep(entry, connection);
    if (!this.#isSpare(entry, connection)) return;
    const timer = this.#clock.schedule(IDLE_MS, () => {
      entry.idle.delete(connection);
      if (!this.#isSpare(entry, connection)) return;
      entry.connections.delete(connection);
      connection.close().catch(() => undefined);
    });
    entry.idle.set(connection, timer);
  }

  /** It is in use, over, or idle anew. */
  #keep(entry: PoolEntry, connection: SecureConnection): void {
    entry.idle.get(connection)?.cancel();
    entry.idle.delete(connection);
  }

  /** A suspended one is not: what its peer has opened meanwhile is on its way, and it is asked again when it is back. */
  #isSpare(entry: PoolEntry, connection: SecureConnection): boolean {
    if (connection.streamCount > 0 || !connection.isOpen || connection.isSuspended) return false;
    if (!entry.connections.has(connection)) return false;
    if (this.#isOld(connection)) return true;
    return [...entry.connections].some((other) => other !== connection && other.freeStreams > 0 && !other.isSuspended);
  }

  #isOld(connection: SecureConnection): boolean {
    return this.#clock.nowMs() - connection.startedMs >= SessionLimit.maxAgeMs;
  }

  /**
   * Waits while a session was interrupted only just now: nobody knows yet whether its peer is still there, and a stream
   * that it gets now ends with it. Undefined where there is nothing to wait for, and a new session is likely to be there first.
   */
  #mayReturn(key: string, minEpoch: number, signal: AbortSignal | undefined): Promise<void> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    let waitMs = 0;
    for (const connection of entry.connections) {
      const { suspendedSinceMs } = connection;
      if (suspendedSinceMs === undefined || connection.freeStreams === 0 || connection.peerEpoch < minEpoch) continue;
      if (this.#isOld(connection)) continue;
      waitMs = Math.max(waitMs, suspendedSinceMs + ResumptionLimit.newSessionAfterMs - this.#clock.nowMs());
    }
    return waitMs <= 0 ? undefined : this.#awaitChange(entry, waitMs, signal);
  }

  async #awaitChange(entry: PoolEntry, limitMs: number, signal: AbortSignal | undefined): Promise<void> {
    const change = new Deferred<void>();
    const wake = (): void => change.resolve();
    entry.waiting.add(wake);
    const stop = whenAborted(signal, wake);
    const timer = this.#clock.schedule(limitMs, wake);
    await change.promise;
    timer.cancel();
    stop();
    entry.waiting.delete(wake);
  }

  #entry(key: string): PoolEntry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { connections: new Set(), dialing: undefined, waiting: new Set(), idle: new Map() };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #dropEmpty(key: string, entry: PoolEntry): void {
    if (entry.connections.size === 0 && entry.dialing === undefined && this.#entries.get(key) === entry) {
      this.#entries.delete(key);
    }
  }
}

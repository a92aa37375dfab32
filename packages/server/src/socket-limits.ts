import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '@sealane/types';
import { type ClientAddress, isForwarded, requestAddress, tcpAddress } from './client-address.js';
import type { RelayLimits } from './limits.js';
import type { LimitedPart } from './live-limits.js';
import type { Reporter } from './refusals.js';
import { TokenBucket } from './token-bucket.js';

/** What the limits need of a socket. */
export interface LimitedSocket {
  readonly remoteAddress?: string | undefined;
  destroy(): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** One socket that was let in; it counts until it closes. */
export interface Admission {
  readonly socket: LimitedSocket;
  readonly sinceMs: number;
  address: ClientAddress;
  /** The last word to the socket when it is dropped. */
  farewell: ((reason: SocketDrop) => void) | undefined;
}

export type SocketDrop = 'UNAUTHENTICATED' | 'AUTH_TIMEOUT';

export type SocketRefusal = 'SOCKETS' | 'SOCKETS_PER_ADDRESS' | 'NEW_SOCKETS_PER_ADDRESS';

interface AddressUse {
  sockets: number;
  readonly fresh: TokenBucket;
}

/** Admission of sockets before anybody is authenticated (v1.md, "Limits"). Owns no timer: call {@link sweep}. */
export class SocketLimits implements LimitedPart {
  readonly #limits: RelayLimits;
  readonly #clock: Clock;
  readonly #reporter: Reporter;
  readonly #addresses = new Map<string, AddressUse>();
  readonly #admissions = new WeakMap<LimitedSocket, Admission>();
  /** In order of arrival, so that the oldest is the first. */
  readonly #unauthenticated = new Set<Admission>();
  #sockets = 0;

  constructor(limits: RelayLimits, clock: Clock, reporter: Reporter) {
    this.#limits = limits;
    this.#clock = clock;
    this.#reporter = reporter;
  }

  get sockets(): number {
    return this.#sockets;
  }

  get unauthenticated(): number {
    return this.#unauthenticated.size;
  }

  /** Counts a new TCP connection, or says why not. Past the limit of unauthenticated ones the oldest goes. */
  admit(socket: LimitedSocket): SocketRefusal | undefined {
    const address = tcpAddress(socket.remoteAddress);
    if (this.#sockets >= this.#limits.maxSockets) return 'SOCKETS';
    const refusal = this.#enter(address);
    if (refusal !== undefined) return refusal;
    const admission: Admission = { socket, address, sinceMs: this.#clock.nowMs(), farewell: undefined };
    this.#sockets++;
    this.#admissions.set(socket, admission);
    this.#unauthenticated.add(admission);
    socket.once('close', () => this.#release(admission));
    if (this.#unauthenticated.size > this.#limits.maxUnauthenticated) this.#dropOldest();
    return undefined;
  }

  /** Looks again when the request's headers are known: who was passed on by a proxy is counted as itself. */
  readmit(socket: LimitedSocket, headers: IncomingHttpHeaders): SocketRefusal | undefined {
    const admission = this.#admissions.get(socket);
    if (admission === undefined) return this.admit(socket) ?? this.readmit(socket, headers);
    if (!isForwarded(headers)) return undefined;
    const address = requestAddress(socket.remoteAddress, headers);
    if (address.key === admission.address.key && address.exempt === admission.address.exempt) return undefined;
    const refusal = this.#enter(address);
    if (refusal !== undefined) return refusal;
    this.#leave(admission.address);
    admission.address = address;
    return undefined;
  }

  authenticated(socket: LimitedSocket): void {
    const admission = this.#admissions.get(socket);
    if (admission === undefined) return;
    this.#unauthenticated.delete(admission);
    admission.farewell = undefined;
  }

  /** What is to be said to the socket if it is dropped before it is authenticated. */
  onDrop(socket: LimitedSocket, farewell: (reason: SocketDrop) => void): void {
    const admission = this.#admissions.get(socket);
    if (admission !== undefined) admission.farewell = farewell;
  }

  /** Too many unauthenticated sockets go, the oldest first; rates of addresses are the new one. */
  applyLimits(): void {
    const nowMs = this.#clock.nowMs();
    const rate = this.#limits.newSocketsPerAddressPerSecond;
    for (const { fresh } of this.#addresses.values()) fresh.change(rate, Math.max(1, rate), nowMs);
    while (this.#unauthenticated.size > this.#limits.maxUnauthenticated) this.#dropOldest();
  }

  /** Drops sockets that took too long to authenticate and forgets addresses that are idle. */
  sweep(): void {
    const nowMs = this.#clock.nowMs();
    for (const admission of this.#unauthenticated) {
      if (nowMs - admission.sinceMs < this.#limits.authTimeoutMs) break;
      this.#drop(admission, 'AUTH_TIMEOUT');
    }
    for (const [key, use] of this.#addresses) {
      if (use.sockets === 0 && use.fresh.isFull(nowMs)) this.#addresses.delete(key);
    }
  }

  #enter(address: ClientAddress): SocketRefusal | undefined {
    if (address.exempt) return undefined;
    const nowMs = this.#clock.nowMs();
    let use = this.#addresses.get(address.key);
    if (use === undefined) {
      const rate = this.#limits.newSocketsPerAddressPerSecond;
      use = { sockets: 0, fresh: new TokenBucket(rate, Math.max(1, rate), nowMs) };
      this.#addresses.set(address.key, use);
    }
    if (use.sockets >= this.#limits.socketsPerAddress) return 'SOCKETS_PER_ADDRESS';
    if (!use.fresh.tryTake(nowMs)) return 'NEW_SOCKETS_PER_ADDRESS';
    use.sockets++;
    return undefined;
  }

  #leave(address: ClientAddress): void {
    const use = address.exempt ? undefined : this.#addresses.get(address.key);
    if (use !== undefined) use.sockets--;
  }

  #release(admission: Admission): void {
    this.#sockets--;
    this.#unauthenticated.delete(admission);
    this.#leave(admission.address);
  }

  #dropOldest(): void {
    for (const oldest of this.#unauthenticated) {
      this.#drop(oldest, 'UNAUTHENTICATED');
      return;
    }
  }

  #drop(admission: Admission, reason: SocketDrop): void {
    this.#unauthenticated.delete(admission);
    this.#reporter.refused(reason, 'socket');
    admission.farewell?.(reason);
    admission.socket.destroy();
  }
}

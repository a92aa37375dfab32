import type { IncomingHttpHeaders } from 'node:http';
import { type Clock, RelayCode, relayError, type SealaneError } from '@sealane/types';
import {
  type AddressRules,
  type ClientAddress,
  isForwarded,
  isTrustedHop,
  namedAddress,
  requestAddress,
  tcpAddress,
} from './client-address.js';
import { Crowd } from './crowd.js';
import type { RelayLimits } from './limits.js';
import type { LimitedPart } from './live-limits.js';
import { type BanList, banError } from './policy/ban-list.js';
import type { IpAddress } from './policy/ip-address.js';
import { ProxyWarning } from './policy/proxy-warning.js';
import type { Usage } from './policy/usage.js';
import type { UsageTable } from './policy/usage-table.js';
import type { Reporter } from './refusals.js';
import { bannedRefusal, type SocketRefusal, socketRefusal } from './socket-refusal.js';

/** What the limits need of a socket. */
export interface LimitedSocket {
  readonly remoteAddress?: string | undefined;
  destroy(): unknown;
  on(event: 'close', listener: (this: LimitedSocket) => void): unknown;
}

export interface SocketLimitsOptions {
  readonly limits: RelayLimits;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly addresses: UsageTable;
  readonly rules: AddressRules;
  readonly bans: BanList;
  /** Chooses a whole number below `count`; each is as likely by default. */
  readonly pick?: (count: number) => number;
}

/** Where a socket comes from, and in whose books it counts: nobody's if the address is exempt. */
export interface SocketOrigin {
  readonly address: ClientAddress;
  readonly usage: Usage | undefined;
}

/** Who is told why its socket goes. */
export interface Dismissed {
  dismiss(error: SealaneError): void;
}

/** One socket that was let in; it counts until it closes. */
interface Admission extends SocketOrigin {
  readonly socket: LimitedSocket;
  readonly sinceMs: number;
  /** The near end of the connection: the TCP peer, or whom PROXY data names. */
  hop: ClientAddress;
  address: ClientAddress;
  usage: Usage | undefined;
  /** A trusted proxy counts only once it is known that nobody is behind it. */
  isCounted: boolean;
  isAuthenticated: boolean;
  /** The last word to the socket when it is dropped. */
  farewell: Dismissed | undefined;
}

/**
 * Admission of sockets: limits per address, bans, and of those before authentication number and time (v1.md,
 * "Limits"). Owns no timer: call {@link sweep}.
 */
export class SocketLimits implements LimitedPart {
  /** Sockets that were let in, since the start. */
  taken = 0;
  readonly #options: SocketLimitsOptions;
  readonly #untrusted: ProxyWarning;
  readonly #protocol: ProxyWarning;
  /** One for all sockets. */
  readonly #onClose: (this: LimitedSocket) => void;
  /** In order of arrival. */
  readonly #open = new Map<LimitedSocket, Admission>();
  /** By whose books they are in: of too many, those go first of whom there are most. */
  readonly #unauthenticated: Crowd<Admission>;

  constructor(options: SocketLimitsOptions) {
    this.#options = options;
    this.#unauthenticated = new Crowd(options.pick);
    const release = (socket: LimitedSocket): void => this.#release(socket);
    this.#onClose = function (this: LimitedSocket): void {
      release(this);
    };
    this.#untrusted = new ProxyWarning(options, 'UNTRUSTED_PROXY');
    this.#protocol = new ProxyWarning(options, 'PROXY_PROTOCOL');
  }

  get sockets(): number {
    return this.#open.size;
  }

  get unauthenticated(): number {
    return this.#unauthenticated.size;
  }

  /** Counts a new TCP connection, or says why not. Past the limit of unauthenticated ones another one goes, of the address with most. */
  admit(socket: LimitedSocket): SocketRefusal | undefined {
    const { limits, rules, clock } = this.#options;
    const address = tcpAddress(socket.remoteAddress, rules);
    if (this.#open.size >= limits.maxSockets) return socketRefusal('SOCKETS');
    const isProxy = isTrustedHop(address, rules);
    const entered = isProxy ? { usage: undefined } : this.#enter(address);
    if ('code' in entered) return entered;
    const admission: Admission = {
      socket,
      sinceMs: clock.nowMs(),
      hop: address,
      address,
      usage: entered.usage,
      isCounted: !isProxy,
      isAuthenticated: false,
      farewell: undefined,
    };
    this.taken++;
    this.#open.set(socket, admission);
    this.#unauthenticated.add(admission, entered.usage);
    socket.on('close', this.#onClose);
    if (this.#unauthenticated.size > limits.maxUnauthenticated) this.#dropOne(admission);
    return undefined;
  }

  /** A trusted proxy and nobody else may begin with PROXY data. */
  isTrustedProxy(socket: LimitedSocket): boolean {
    const admission = this.#open.get(socket);
    return admission !== undefined && isTrustedHop(admission.hop, this.#options.rules);
  }

  /** A trusted proxy said in PROXY data whom it passes on; `undefined`: it does not say whom. */
  passedOn(socket: LimitedSocket, source: IpAddress | undefined): SocketRefusal | undefined {
    const admission = this.#open.get(socket);
    if (admission === undefined) return undefined;
    admission.hop = namedAddress(source, admission.hop);
    // A proxy before this proxy: the request says who is behind it.
    if (source !== undefined && isTrustedHop(admission.hop, this.#options.rules)) return undefined;
    return this.#move(admission, admission.hop);
  }

  /** Looks again when the request's headers are known: who was passed on by a trusted proxy is counted as itself. */
  readmit(socket: LimitedSocket, headers: IncomingHttpHeaders): SocketRefusal | undefined {
    const admission = this.#open.get(socket);
    if (admission === undefined) return this.admit(socket) ?? this.readmit(socket, headers);
    const { rules } = this.#options;
    if (isForwarded(headers) && !isTrustedHop(admission.hop, rules)) {
      this.#warn(admission.hop, headers['x-forwarded-for'] === undefined ? 'Forwarded' : 'X-Forwarded-For');
    }
    return this.#move(admission, requestAddress(admission.hop, headers, rules));
  }

  /**
   * PROXY data came where it is not read, or from a trusted proxy not as it has to (`problem`). Of whom is not known if the
   * socket is closed.
   */
  noteProxyData(socket: LimitedSocket, problem = 'PROXY data is not read without --proxy-protocol'): void {
    const hop = this.#open.get(socket)?.hop;
    if (hop === undefined) return;
    if (isTrustedHop(hop, this.#options.rules)) this.#protocol.note(`${hop.key} is a trusted proxy: ${problem}`);
    else this.#warn(hop, 'PROXY');
  }

  /** Mostly a proxy that is missing in the configuration, behind which all clients count as one. */
  #warn({ key }: ClientAddress, claim: string): void {
    this.#untrusted.note(
      `${key} sends ${claim} and is no trusted proxy, so its connections count as its own; if it is yours, trust its network`,
    );
  }

  originOf(socket: LimitedSocket): SocketOrigin | undefined {
    return this.#open.get(socket);
  }

  authenticated(socket: LimitedSocket): void {
    const admission = this.#open.get(socket);
    if (admission === undefined) return;
    admission.isAuthenticated = true;
    this.#unauthenticated.delete(admission);
  }

  /** What is to be said to the socket if it is dropped. */
  onDrop(socket: LimitedSocket, farewell: Dismissed): void {
    const admission = this.#open.get(socket);
    if (admission !== undefined) admission.farewell = farewell;
  }

  /** Drops sockets that took too long to authenticate. */
  sweep(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const admission of this.#unauthenticated.members()) {
      if (nowMs - admission.sinceMs < this.#options.limits.authTimeoutMs) break;
      this.#drop(admission, 'AUTH_TIMEOUT', () => relayError(RelayCode.TIMEOUT, 'not authenticated'));
    }
  }

  /** There are new bans: drops whom they concern. */
  dropBanned(): void {
    const { bans, clock } = this.#options;
    for (const admission of this.#open.values()) {
      // Who is behind a trusted proxy is known with the request.
      const ban = admission.isCounted ? bans.findAddress(admission.address.ip) : undefined;
      if (ban !== undefined) this.#drop(admission, 'BANNED', () => banError(ban, clock.wallMs()));
    }
  }

  /** The newest go that are too many; of unauthenticated ones any of the addresses with most. */
  applyLimits(): void {
    const { limits } = this.#options;
    const counts = new Map<Usage, number>();
    let all = 0;
    for (const admission of this.#open.values()) {
      const { usage } = admission;
      const ofAddress = usage === undefined ? 0 : (counts.get(usage) ?? 0) + 1;
      if (usage !== undefined && ofAddress > usage.limits.open) {
        this.#drop(admission, 'SOCKETS_PER_ADDRESS', () =>
          relayError(RelayCode.LIMIT, 'too many links of this address'),
        );
      } else if (all >= limits.maxSockets) {
        this.#drop(admission, 'SOCKETS', () => relayError(RelayCode.BUSY, 'too many links'));
      } else {
        if (usage !== undefined) counts.set(usage, ofAddress);
        all++;
      }
    }
    while (this.#unauthenticated.size > limits.maxUnauthenticated) this.#dropOne();
  }

  /** Ends every socket that is left, without a word. */
  destroyAll(): void {
    for (const socket of [...this.#open.keys()]) socket.destroy();
  }

  #move(admission: Admission, address: ClientAddress): SocketRefusal | undefined {
    const { address: before, usage } = admission;
    const isSame = address.key === before.key && address.exempt === before.exempt;
    if (isSame && admission.isCounted) return undefined;
    const entered = this.#enter(address);
    if ('code' in entered) return entered;
    leave(usage);
    admission.address = address;
    admission.usage = entered.usage;
    this.#unauthenticated.move(admission, entered.usage);
    admission.isCounted = true;
    return undefined;
  }

  #enter(address: ClientAddress): { readonly usage: Usage | undefined } | SocketRefusal {
    const { addresses, bans, clock } = this.#options;
    const ban = bans.findAddress(address.ip);
    if (ban !== undefined) return bannedRefusal(ban, clock.wallMs());
    if (address.exempt) return { usage: undefined };
    const nowMs = clock.nowMs();
    const usage = addresses.of(address.key);
    if (usage.open >= usage.limits.open) return socketRefusal('SOCKETS_PER_ADDRESS');
    if (usage.fresh?.tryTake(nowMs) === false) {
      return socketRefusal('NEW_SOCKETS_PER_ADDRESS', usage.fresh.waitForMs(1, nowMs));
    }
    usage.open++;
    return { usage };
  }

  #release(socket: LimitedSocket): void {
    const admission = this.#open.get(socket);
    if (admission === undefined) return;
    this.#open.delete(socket);
    this.#unauthenticated.delete(admission);
    leave(admission.usage);
  }

  #dropOne(newcomer?: Admission): void {
    const any = this.#unauthenticated.anyOfLargest(newcomer);
    if (any !== undefined) this.#drop(any, 'UNAUTHENTICATED', () => relayError(RelayCode.BUSY, 'not authenticated'));
  }

  /** `reason` is asked only if there is somebody to tell: making an error costs more than dropping a socket. */
  #drop(admission: Admission, code: string, reason: () => SealaneError): void {
    this.#unauthenticated.delete(admission);
    this.#options.reporter.refused(code, 'socket');
    if (admission.farewell !== undefined) admission.farewell.dismiss(reason());
    // A link says its last word and closes by itself, in bounded time.
    if (!admission.isAuthenticated) admission.socket.destroy();
  }
}

function leave(usage: Usage | undefined): void {
  if (usage !== undefined) usage.open--;
}

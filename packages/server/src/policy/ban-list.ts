import { type Clock, RelayCode, relayError, SealaneError } from '@sealane/types';
import { type Ban, type BanKind, type BanOptions, bannedNetwork, banText, banValue, parseBan } from './ban.js';
import { type BanStore, MemoryBanStore } from './ban-store.js';
import type { IpAddress } from './ip-address.js';
import { NetworkTable } from './ip-network.js';

/** More are a mistake, and would be memory without a bound. */
const MAX_BANS = 100_000;

/** Who is not served. Asking costs the same for one ban and for thousands; a ban that is over is none. */
export class BanList {
  readonly #clock: Clock;
  readonly #store: BanStore;
  /** By kind and value. */
  readonly #bans = new Map<string, Ban>();
  /** Several bans may concern one network: addresses of it, and the network itself. */
  readonly #networks = new NetworkTable<Set<Ban>>();
  /** Unix time at which one of them may be over. */
  #nextEndMs = Number.POSITIVE_INFINITY;
  /** @internal Hears of every ban that is added, to act on what is open. */
  onBan: (ban: Ban) => void = () => undefined;

  private constructor(clock: Clock, store: BanStore) {
    this.#clock = clock;
    this.#store = store;
  }

  /** @internal The bans of a store. */
  static async load(clock: Clock, store: BanStore = new MemoryBanStore()): Promise<BanList> {
    const list = new BanList(clock, store);
    for (const ban of await store.load()) list.#set(ban);
    return list;
  }

  /** Those in force. */
  list(): readonly Ban[] {
    return [...this.#bans.values()].filter((ban) => this.#isInForce(ban));
  }

  get size(): number {
    return this.#bans.size;
  }

  /**
   * Bans somebody, in place of an earlier ban of the same. It holds at once, also for what is open; the promise
   * resolves when it is kept.
   * @throws ERR_ARGUMENT, ERR_ID_INVALID, and what the store throws: the ban holds then until the relay ends
   */
  async add(options: BanOptions): Promise<Ban> {
    const ban = parseBan(options, this.#clock.wallMs());
    if (this.#bans.size >= MAX_BANS && !this.#bans.has(keyOf(ban))) {
      throw new SealaneError('ERR_ARGUMENT', `there are ${MAX_BANS} bans; ban networks instead of addresses`);
    }
    this.#set(ban);
    this.onBan(ban);
    await this.#store.put(ban);
    return ban;
  }

  /** Lifts a ban; false if there was none. @throws ERR_ARGUMENT, ERR_ID_INVALID, and what the store throws */
  async remove(kind: BanKind, value: string): Promise<boolean> {
    const ban = this.#bans.get(keyOf({ kind, value: banValue(kind, value) }));
    if (ban === undefined) return false;
    await this.#store.remove(ban.kind, ban.value);
    this.#forget(ban);
    return this.#isInForce(ban);
  }

  /** @internal */
  findId(id: string): Ban | undefined {
    return this.#find('id', id);
  }

  /** @internal */
  findName(name: string): Ban | undefined {
    return this.#find('name', name);
  }

  /** @internal */
  findAddress(address: IpAddress | undefined): Ban | undefined {
    if (address === undefined || this.#networks.size === 0) return undefined;
    for (const bans of this.#networks.matches(address)) {
      for (const ban of bans) if (this.#isInForce(ban)) return ban;
    }
    return undefined;
  }

  /** @internal About once a second, and nearly free before a ban is over: forgets bans that are over. What the store throws is its own matter: it is asked again. */
  async sweep(): Promise<void> {
    if (this.#clock.wallMs() < this.#nextEndMs) return;
    this.#nextEndMs = Number.POSITIVE_INFINITY;
    for (const ban of this.#bans.values()) {
      this.#nextEndMs = Math.min(this.#nextEndMs, ban.expiresAtMs ?? Number.POSITIVE_INFINITY);
      if (this.#isInForce(ban)) continue;
      await this.#store.remove(ban.kind, ban.value);
      if (this.#bans.get(keyOf(ban)) === ban) this.#forget(ban);
    }
  }

  #find(kind: BanKind, value: string): Ban | undefined {
    if (this.#bans.size === 0) return undefined;
    const ban = this.#bans.get(keyOf({ kind, value }));
    return ban !== undefined && this.#isInForce(ban) ? ban : undefined;
  }

  #isInForce({ expiresAtMs }: Ban): boolean {
    return expiresAtMs === null || expiresAtMs > this.#clock.wallMs();
  }

  #set(ban: Ban): void {
    const before = this.#bans.get(keyOf(ban));
    if (before !== undefined) this.#forget(before);
    this.#bans.set(keyOf(ban), ban);
    this.#nextEndMs = Math.min(this.#nextEndMs, ban.expiresAtMs ?? Number.POSITIVE_INFINITY);
    const network = bannedNetwork(ban);
    if (network === undefined) return;
    const bans = this.#networks.get(network) ?? new Set();
    this.#networks.set(network, bans.add(ban));
  }

  #forget(ban: Ban): void {
    this.#bans.delete(keyOf(ban));
    const network = bannedNetwork(ban);
    if (network === undefined) return;
    const bans = this.#networks.get(network);
    bans?.delete(ban);
    if (bans?.size === 0) this.#networks.delete(network);
  }
}

/** The refusal that a ban means: DENIED, with the milliseconds until it is over in `value`. */
export function banError(ban: Ban, nowWallMs: number): SealaneError {
  const value = ban.expiresAtMs === null ? undefined : Math.max(1, Math.ceil(ban.expiresAtMs - nowWallMs));
  return relayError(RelayCode.DENIED, banText(ban), { details: value === undefined ? {} : { value } });
}

function keyOf({ kind, value }: Pick<Ban, 'kind' | 'value'>): string {
  return `${kind} ${value}`;
}

import type { AddressRules } from '../client-address.js';
import type { IpAddress } from './ip-address.js';
import { NetworkTable, parseNetwork } from './ip-network.js';

/** The proxies whose word about addresses is taken. None by default, also not those of this machine. */
export class TrustedProxies implements AddressRules {
  readonly exemptLoopback: boolean;
  #networks = new NetworkTable<true>();

  /** @throws ERR_ARGUMENT for what is neither an address nor a network */
  constructor(networks: readonly string[] = [], exemptLoopback = true) {
    this.exemptLoopback = exemptLoopback;
    this.set(networks);
  }

  /** Others from now on, for new connections. @throws ERR_ARGUMENT */
  set(networks: readonly string[]): void {
    const table = new NetworkTable<true>();
    for (const network of networks) table.set(parseNetwork(network), true);
    this.#networks = table;
  }

  isTrustedProxy(address: IpAddress): boolean {
    return this.#networks.size > 0 && this.#networks.has(address);
  }
}

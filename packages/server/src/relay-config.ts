import { type Credential, createNodecert, type SigningKey } from '@sealane/crypto/credential';
import { MemoryBudget } from '@sealane/mux';
import { isAuthority } from '@sealane/protocol';
import {
  type Clock,
  LinkFeature,
  type RandomBytes,
  SealaneError,
  systemClock,
  systemRandomBytes,
} from '@sealane/types';
import { RELAY_FEATURES } from './auth.js';
import { type RelayLimits, resolveLimits } from './limits.js';
import { RelayMeter } from './metrics/relay-meter.js';
import type { RelayServerOptions } from './options.js';
import { BanList } from './policy/ban-list.js';
import { OperatorEnds } from './policy/operator-ends.js';
import { ReservedNames } from './policy/reserved-names.js';
import { TrustedProxies } from './policy/trusted-proxies.js';
import { Reporter } from './refusals.js';

/** What the parts of one relay share. */
export interface RelayConfig {
  readonly identity: Credential;
  readonly nodeKey: SigningKey;
  readonly nodecert: Uint8Array;
  /** LinkFeature bits that HELLO offers. */
  readonly features: number;
  readonly authorities: readonly string[];
  /** One object for the whole relay, to be read at every use: `setLimits` changes what is in it. */
  readonly limits: RelayLimits;
  readonly bans: BanList;
  readonly operatorEnds: OperatorEnds;
  readonly reservedNames: ReservedNames;
  readonly proxies: TrustedProxies;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly budget: MemoryBudget;
  readonly reporter: Reporter;
  readonly meter: RelayMeter;
}

/** @throws ERR_ARGUMENT for a limit, an authority, a network or a name that is not one; what the store of bans throws */
export async function createRelayConfig(options: RelayServerOptions): Promise<RelayConfig> {
  const limits = resolveLimits(options.limits);
  const authorities = (options.authorities ?? []).map((authority) => authority.toLowerCase());
  for (const authority of authorities) {
    if (!isAuthority(authority)) {
      throw new SealaneError('ERR_ARGUMENT', `"${authority}" is not an authority; it has the form host:port`);
    }
  }
  const clock = options.clock ?? systemClock;
  return {
    identity: options.identity,
    nodeKey: options.nodeKey,
    nodecert: createNodecert(options.identity, options.nodeEpoch ?? 1, options.nodeKey.publicKey),
    features: options.features ?? (options.listing === false ? RELAY_FEATURES & ~LinkFeature.LIST : RELAY_FEATURES),
    authorities,
    limits,
    bans: await BanList.load(clock, options.banStore),
    operatorEnds: new OperatorEnds(clock),
    reservedNames: new ReservedNames(options.reservedNames),
    proxies: new TrustedProxies(options.trustedProxies, options.exemptLoopback),
    clock,
    random: options.random ?? systemRandomBytes,
    budget: new MemoryBudget(limits.memoryBudgetBytes),
    reporter: new Reporter(options.onEvent),
    meter: new RelayMeter(),
  };
}

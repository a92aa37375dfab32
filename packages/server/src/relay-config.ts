import type { Credential, SigningKey } from '@sealane/crypto/credential';
import type { MemoryBudget } from '@sealane/mux';
import type { Clock, RandomBytes } from '@sealane/types';
import type { RelayLimits } from './limits.js';
import type { Reporter } from './refusals.js';

/** What the parts of one relay share. */
export interface RelayConfig {
  readonly identity: Credential;
  readonly nodeKey: SigningKey;
  readonly nodecert: Uint8Array;
  /** LinkFeature bits that HELLO offers. */
  readonly features: number;
  readonly authorities: readonly string[];
  readonly limits: RelayLimits;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly budget: MemoryBudget;
  readonly reporter: Reporter;
}

import { RelayLimit, SealaneError } from '@sealane/types';

/** Every limit of a relay with its value; the defaults and their meaning are in docs/limits.md. */
export type RelayLimits = { readonly [Name in keyof typeof RelayLimit]: number };

/**
 * The defaults with `overrides` applied.
 * @throws ERR_ARGUMENT for an unknown name or a value that is not a finite number of at least 0.
 */
export function resolveLimits(overrides: Partial<RelayLimits> = {}): RelayLimits {
  const limits: Record<string, number> = { ...RelayLimit };
  for (const [name, value] of Object.entries(overrides)) {
    if (value === undefined) continue;
    if (!(name in limits)) throw new SealaneError('ERR_ARGUMENT', `there is no limit "${name}"`);
    if (!Number.isFinite(value) || value < 0) {
      throw new SealaneError('ERR_ARGUMENT', `the limit "${name}" is not a number of at least 0`);
    }
    limits[name] = value;
  }
  return limits as RelayLimits;
}

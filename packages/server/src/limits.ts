import { RelayLimit, SealaneError } from '@sealane/types';

/** Every limit of a relay with its value; the defaults and their meaning are in docs/limits.md. */
export type RelayLimits = { readonly [Name in keyof typeof RelayLimit]: number };

/** A record of 64 KiB must get through within the 10 s after which its session takes the path for broken. */
const MIN_BYTES_PER_SECOND = 16_384;

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
    if (isByteRate(name) && value > 0 && value < MIN_BYTES_PER_SECOND) {
      throw new SealaneError('ERR_ARGUMENT', `the limit "${name}" is 0 (none) or at least ${MIN_BYTES_PER_SECOND}`);
    }
    limits[name] = value;
  }
  return limits as RelayLimits;
}

function isByteRate(name: string): boolean {
  return name.startsWith('bytes') && name.endsWith('PerSecond');
}

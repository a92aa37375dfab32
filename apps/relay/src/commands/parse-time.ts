import { InvalidArgumentError } from 'commander';

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of an option's value; infinite: never (commander makes an empty text of null). */
export function parseTime(text: string): number {
  if (text === 'never') return Number.POSITIVE_INFINITY;
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (unit === undefined || Number(count) === 0)
    throw new InvalidArgumentError('It is a time as 90s, 15m, 12h or 7d, or never.');
  return Number(count) * units[unit]!;
}

/** Unix milliseconds at which that is over; null: never. */
export function expiryOf(durationMs: number): number | null {
  return Number.isFinite(durationMs) ? Date.now() + durationMs : null;
}

/** A number from 1, or `any`, which is infinite. */
export function parseUses(text: string): number {
  if (text === 'any') return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It is a number from 1, or any.');
  return Number(text);
}

/** null: any number. */
export function usesOf(count: number): number | null {
  return Number.isFinite(count) ? count : null;
}

/** What a setting can hold. Times are milliseconds and sizes bytes, however they were written. */
export type SettingValue = boolean | number | string | readonly string[] | undefined;

export type SettingKind = 'switch' | 'count' | 'share' | 'duration' | 'bytes' | 'text' | 'choice' | 'list';

/**
 * When a changed value holds. `live`: at once, also for what is open. `new`: at once, for links, sessions and requests
 * that come after it. `restart`: when the process starts again; such a setting cannot be changed at run time.
 */
export type SettingApplies = 'live' | 'new' | 'restart';

/**
 * One setting of the relay, and the only place that describes it: file, environment, flags, `config show`, the JSON
 * Schema, the file of `init` and docs/operations.md are made from it. To add one, add it to a group of the registry.
 */
export interface Setting<T extends SettingValue = SettingValue> {
  /** Names joined by dots, as nested in the file: `limits.maxSockets`. */
  readonly path: string;
  readonly kind: SettingKind;
  /** `undefined`: not set. */
  readonly default: T;
  /** One sentence without a full stop, for the documentation. */
  readonly meaning: string;
  readonly applies: SettingApplies;
  /** Bounds of numbers, in the unit of the value; they hold for the setting, not for its elements. */
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  /** The program's own option for it, e.g. `--listen HOST:PORT`. Every setting has `--set PATH=VALUE` as well. */
  readonly flag?: string;
  /** Never shown, only whether it is set. */
  readonly isSecret?: boolean;
  /**
   * The value of what was written: a boolean, number, string or list from a file, or text from elsewhere.
   * @throws SettingProblem
   */
  readonly read: (raw: unknown) => T;
}

/** Asks for the value of a setting, wherever values are. */
export type GetSetting = <T extends SettingValue>(setting: Setting<T>) => T;

export type SettingProblemKind = 'type' | 'range' | 'value';

/** Why a value is not one of a setting. The message goes on after the setting's path: `... is not a number`. */
export class SettingProblem extends Error {
  readonly kind: SettingProblemKind;

  constructor(kind: SettingProblemKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** What an entry of the registry states beside its kind. */
export interface SettingFacts<T extends SettingValue> {
  readonly path: string;
  readonly default: T;
  readonly meaning: string;
  readonly applies: SettingApplies;
  readonly flag?: string;
  readonly isSecret?: boolean;
}

interface NumberFacts extends SettingFacts<number> {
  readonly min?: number;
  readonly max?: number;
}

interface TextFacts<T extends SettingValue> extends SettingFacts<T> {
  /** What is wrong with the text, or undefined. */
  readonly check?: (text: string) => string | undefined;
}

/** The longest time that a timer of the platform takes. */
const MAX_TIMER_MS = 2_147_483_647;
const MAX_COUNT = 1_000_000_000;
const MAX_TEXT = 4_096;
const MAX_ITEMS = 10_000;

/** True or false. */
export function switchSetting(facts: SettingFacts<boolean>): Setting<boolean> {
  const read = (raw: unknown): boolean => {
    if (raw === true || raw === 'true') return true;
    if (raw === false || raw === 'false') return false;
    throw new SettingProblem('type', `is ${shown(raw)}; write true or false`);
  };
  return { ...facts, kind: 'switch', read };
}

/** A whole number. */
export function countSetting(facts: NumberFacts): Setting<number> {
  const bounds = { min: facts.min ?? 0, max: facts.max ?? MAX_COUNT };
  const read = (raw: unknown): number => {
    const value = numberOf(raw);
    if (value === undefined || !Number.isSafeInteger(value)) {
      throw new SettingProblem('type', `is ${shown(raw)}; write a whole number`);
    }
    return within(value, bounds, String);
  };
  return { ...facts, ...bounds, kind: 'count', read };
}

/** A number that may have a fraction. */
export function shareSetting(facts: NumberFacts): Setting<number> {
  const bounds = { min: facts.min ?? 0, max: facts.max ?? 1 };
  const read = (raw: unknown): number => {
    const value = numberOf(raw);
    if (value === undefined) throw new SettingProblem('type', `is ${shown(raw)}; write a number, for example 0.25`);
    return within(value, bounds, String);
  };
  return { ...facts, ...bounds, kind: 'share', read };
}

const durationUnits = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const byteUnits = { B: 1, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 } as const;

/** A time: a number of milliseconds, or a number with a unit (`500ms`, `10s`, `1.5h`). The value is milliseconds. */
export function durationSetting(facts: NumberFacts): Setting<number> {
  const bounds = { min: facts.min ?? 0, max: facts.max ?? MAX_TIMER_MS };
  const read = (raw: unknown): number => {
    const value = withUnit(raw, durationUnits);
    if (value === undefined) {
      throw new SettingProblem('type', `is ${shown(raw)}; write a time, for example 500ms, 10s, 5min, 24h or 7d`);
    }
    return within(value, bounds, formatDuration);
  };
  return { ...facts, ...bounds, kind: 'duration', read };
}

/** A size: a number of bytes, or a number with a unit (`64KiB`, `1.5MiB`). The value is bytes. */
export function bytesSetting(facts: NumberFacts): Setting<number> {
  const bounds = { min: facts.min ?? 0, max: facts.max ?? Number.MAX_SAFE_INTEGER };
  const read = (raw: unknown): number => {
    const value = withUnit(raw, byteUnits);
    if (value === undefined) {
      throw new SettingProblem('type', `is ${shown(raw)}; write a size, for example 512B, 64KiB, 160MiB or 1GiB`);
    }
    return within(value, bounds, formatBytes);
  };
  return { ...facts, ...bounds, kind: 'bytes', read };
}

/** One text; empty only where `check` takes it. */
export function textSetting<T extends string | undefined>(facts: TextFacts<T>): Setting<T | string> {
  const read = (raw: unknown): string => {
    if (typeof raw !== 'string') {
      throw new SettingProblem(
        'type',
        facts.isSecret === true ? 'is no text' : `is ${shown(raw)}; write a text, in quotes`,
      );
    }
    return checked(raw, facts);
  };
  const { check: _, ...rest } = facts;
  return { ...rest, kind: 'text', read };
}

/** One of a few words. */
export function choiceSetting<const C extends string>(
  facts: SettingFacts<C> & { readonly choices: readonly C[] },
): Setting<C> {
  const read = (raw: unknown): C => {
    const choice = facts.choices.find((candidate) => candidate === raw);
    if (choice !== undefined) return choice;
    throw new SettingProblem('value', `is ${shown(raw)}; write one of ${facts.choices.join(', ')}`);
  };
  return { ...facts, kind: 'choice', read };
}

/** Texts: a list in a file, separated by commas elsewhere. */
export function listSetting(facts: TextFacts<readonly string[]>): Setting<readonly string[]> {
  const read = (raw: unknown): readonly string[] => {
    const items = typeof raw === 'string' ? split(raw) : raw;
    if (!Array.isArray(items) || !items.every((item) => typeof item === 'string')) {
      throw new SettingProblem('type', `is ${shown(raw)}; write a list of texts`);
    }
    if (items.length > MAX_ITEMS) throw new SettingProblem('range', `has more than ${MAX_ITEMS} entries`);
    return items.map((item) => checked(item, facts));
  };
  const { check: _, ...rest } = facts;
  return { ...rest, kind: 'list', read };
}

/** `10 s`: the largest unit in which the time is a number of at most two decimals. */
export function formatDuration(ms: number): string {
  return withLargestUnit(ms, durationUnits);
}

export function formatBytes(bytes: number): string {
  return withLargestUnit(bytes, byteUnits);
}

/** The value as it may be written in a file or a flag, and is read back as itself. */
export function formatValue(setting: Setting, value: SettingValue): string {
  if (value === undefined) return '';
  if (setting.isSecret === true) return '(set)';
  if (typeof value === 'number') {
    if (setting.kind === 'duration') return formatDuration(value).replace(' ', '');
    return setting.kind === 'bytes' ? formatBytes(value).replace(' ', '') : String(value);
  }
  return Array.isArray(value) ? value.join(',') : String(value);
}

function withLargestUnit(value: number, units: Readonly<Record<string, number>>): string {
  const names = Object.entries(units);
  const fits = names.findLast(([, unit]) => value >= unit && (value * 100) % unit === 0);
  const [name, unit] = fits ?? [names[0]?.[0], 1];
  return `${value / unit} ${name}`;
}

function withUnit(raw: unknown, units: Readonly<Record<string, number>>): number | undefined {
  const plain = numberOf(raw);
  if (plain !== undefined) return Number.isInteger(plain) ? plain : undefined;
  const [, digits, name] = (typeof raw === 'string' && /^(\d{1,16}(?:\.\d{1,6})?) ?([A-Za-z]+)$/.exec(raw)) || [];
  const unit = name === undefined || !Object.hasOwn(units, name) ? undefined : units[name];
  if (digits === undefined || unit === undefined) return undefined;
  return Math.round(Number(digits) * unit);
}

function numberOf(raw: unknown): number | undefined {
  if (typeof raw === 'number') return Number.isFinite(raw) ? raw : undefined;
  return typeof raw === 'string' && /^-?\d{1,16}(\.\d{1,6})?$/.test(raw) ? Number(raw) : undefined;
}

function within(value: number, bounds: { min: number; max: number }, format: (value: number) => string): number {
  if (value >= bounds.min && value <= bounds.max) return value;
  throw new SettingProblem(
    'range',
    `is ${format(value)}; it lies between ${format(bounds.min)} and ${format(bounds.max)}`,
  );
}

function checked(text: string, facts: TextFacts<SettingValue>): string {
  if (text.length > MAX_TEXT) throw new SettingProblem('range', `is longer than ${MAX_TEXT} characters`);
  const problem = facts.check?.(text);
  if (problem !== undefined) throw new SettingProblem('value', facts.isSecret === true ? 'is not valid' : problem);
  return text;
}

function split(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** A short picture of a wrong value; never of a secret's. */
function shown(raw: unknown): string {
  if (raw === undefined || raw === null) return 'empty';
  if (Array.isArray(raw)) return 'a list';
  if (typeof raw === 'object') return 'a group of settings';
  const text = String(raw);
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
}

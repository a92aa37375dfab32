import { type ConfigProblem, type SettingOrigin, unknownSetting } from './config-problem.js';
import { ENVIRONMENT_PREFIX, findByEnvironment, findSetting, suggestEnvironment, suggestPath } from './registry.js';
import { type Setting, SettingProblem, type SettingValue } from './setting.js';
import type { ReadSettings } from './yaml-source.js';

/** Names in the environment that begin like settings and belong to the program or to others. */
const OTHER_NAMES: ReadonlySet<string> = new Set([`${ENVIRONMENT_PREFIX}CONFIG`]);
/** What Kubernetes sets for a Service named `sealane-relay`. */
const SERVICE_LINK = /^SEALANE_RELAY_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\w+)?)$/;

/** Settings in the environment. Empty values are as good as none. */
export function readEnvironment(environment: Readonly<Record<string, string | undefined>>): ReadSettings {
  const source = new Source();
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(ENVIRONMENT_PREFIX) || text === undefined || text === '') continue;
    if (OTHER_NAMES.has(name) || SERVICE_LINK.test(name)) continue;
    const origin: SettingOrigin = { kind: 'environment', name };
    const setting = findByEnvironment(name);
    if (setting === undefined) source.unknown(name, origin, suggestEnvironment(name));
    else source.read(setting, text, origin);
  }
  return source;
}

/** A setting given on the command line: by its path (`--set`), or by an option of its own. */
export interface FlagSetting {
  readonly path: string;
  readonly raw: unknown;
  /** As it is named in messages: `--set`, `--listen`. */
  readonly flag: string;
}

/** Settings of the command line. A later one wins over an earlier one. */
export function readFlags(flags: readonly FlagSetting[]): ReadSettings {
  const source = new Source();
  for (const { path, raw, flag } of flags) {
    const origin: SettingOrigin = { kind: 'flag', flag };
    const setting = findSetting(path);
    if (setting === undefined) source.unknown(path, origin, suggestPath(path));
    else source.read(setting, raw, origin);
  }
  return source;
}

/** `path=value` of `--set`. */
export function parseAssignment(text: string): { readonly path: string; readonly raw: string } | undefined {
  const at = text.indexOf('=');
  return at < 1 ? undefined : { path: text.slice(0, at).trim(), raw: text.slice(at + 1).trim() };
}

class Source implements ReadSettings {
  readonly values = new Map<string, { value: SettingValue; origin: SettingOrigin }>();
  readonly problems: ConfigProblem[] = [];

  read(setting: Setting, raw: unknown, origin: SettingOrigin): void {
    const { path } = setting;
    try {
      this.values.set(path, { value: setting.read(raw), origin });
    } catch (error) {
      if (!(error instanceof SettingProblem)) throw error;
      this.problems.push({ kind: error.kind, origin, path, message: `${path} ${error.message}` });
    }
  }

  unknown(path: string, origin: SettingOrigin, suggestion: string | undefined): void {
    this.problems.push(unknownSetting(path, origin, suggestion));
  }
}

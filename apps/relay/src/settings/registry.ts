import { adminSettings } from './admin-settings.js';
import { admissionSettings } from './admission-settings.js';
import { closest } from './closest.js';
import { limitSettings } from './limit-settings.js';
import { observabilitySettings } from './observability-settings.js';
import { policySettings } from './policy-settings.js';
import { programSettings } from './program-settings.js';
import type { Setting } from './setting.js';

/** Prefix of every setting's name in the environment. */
export const ENVIRONMENT_PREFIX = 'SEALANE_RELAY_';

/**
 * Every setting of the relay. A new one is an entry in one of the groups (or a new group here); everything else follows:
 * file, environment, `--set`, `config show`, JSON Schema, `init` and docs/operations.md.
 */
export const allSettings: readonly Setting[] = [
  ...Object.values(programSettings),
  ...Object.values(adminSettings),
  ...Object.values(policySettings),
  ...Object.values(admissionSettings),
  ...Object.values(observabilitySettings),
  ...Object.values(limitSettings),
];

const byPath: ReadonlyMap<string, Setting> = new Map(allSettings.map((setting) => [setting.path, setting]));
const byEnvironment: ReadonlyMap<string, Setting> = new Map(
  allSettings.map((setting) => [environmentName(setting.path), setting]),
);
const sections: ReadonlySet<string> = new Set(
  allSettings.flatMap(({ path }) => {
    const names = path.split('.').slice(0, -1);
    return names.map((_, index) => names.slice(0, index + 1).join('.'));
  }),
);

export function findSetting(path: string): Setting | undefined {
  return byPath.get(path);
}

/** Whether settings stand under this path: `limits`. */
export function isSection(path: string): boolean {
  return sections.has(path);
}

/** `limits.maxSockets` is `SEALANE_RELAY_LIMITS_MAX_SOCKETS`. */
export function environmentName(path: string): string {
  return (
    ENVIRONMENT_PREFIX +
    path
      .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
      .replaceAll('.', '_')
      .toUpperCase()
  );
}

export function findByEnvironment(name: string): Setting | undefined {
  return byEnvironment.get(name);
}

/** The setting or section that was probably meant by a path that is none, also one that stands elsewhere. */
export function suggestPath(path: string): string | undefined {
  const name = path.split('.').at(-1)?.toLowerCase();
  const elsewhere = allSettings.find((setting) => setting.path.split('.').at(-1)?.toLowerCase() === name);
  return elsewhere?.path ?? closest(path, [...byPath.keys(), ...sections]);
}

export function suggestEnvironment(name: string): string | undefined {
  return closest(name, [...byEnvironment.keys()]);
}

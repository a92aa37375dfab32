import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isSealaneError } from '@sealane/types';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigProblem } from './config-problem.js';
import { Configuration, type RunTimeStore } from './configuration.js';
import { allSettings, environmentName } from './registry.js';
import { formatValue, type Setting, type SettingValue } from './setting.js';

/** Texts of which some setting without a default takes one. */
const samples = [
  '127.0.0.1:9000',
  'relay.example:443',
  '10.0.0.0/8',
  'allowlist|callout',
  'https://example.com/x',
  'admin',
];
/** What has to be set so that another setting has an effect. */
const company = {
  'admission.require': ['allowlist|token|approval|callout'],
  'admission.allowFile': 'ids',
  'callout.url': 'https://example.com/',
};

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-layers-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

class Store implements RunTimeStore {
  readonly values = new Map<string, unknown>();

  all(): ReadonlyMap<string, unknown> {
    return this.values;
  }

  set(path: string, value: SettingValue): void {
    this.values.set(path, value);
  }

  unset(path: string): boolean {
    return this.values.delete(path);
  }
}

/** A value, as it is written on a command line. */
function sampleOf(setting: Setting): string {
  const plain = formatValue({ ...setting, isSecret: false }, setting.default);
  const takes = (text: string): boolean => {
    try {
      setting.read(text);
      return true;
    } catch {
      return false;
    }
  };
  const text = plain === '' ? samples.find(takes) : plain;
  if (text === undefined) throw new Error(`no sample is a value of ${setting.path}`);
  return text;
}

/** JSON is YAML, and takes every path in one object. */
function fileOf(values: Readonly<Record<string, unknown>>): string {
  const root: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(values)) {
    const names = path.split('.');
    let at = root;
    for (const name of names.slice(0, -1)) {
      at[name] ??= {};
      at = at[name] as Record<string, unknown>;
    }
    at[names.at(-1) ?? ''] = value;
  }
  return JSON.stringify(root, null, 1);
}

describe('every setting', () => {
  it.each(allSettings.map((setting) => [setting.path, setting] as const))(
    '%s is taken from file, environment, --set and run time, each stronger than the one before',
    async (path, setting) => {
      const text = sampleOf(setting);
      const value = setting.read(text);
      // Who opens the relay to everybody restricts nobody.
      const around = path === 'open' ? {} : company;
      const file = join(directory, 'relay.yaml');
      const environment = { [environmentName(path)]: text };
      const flags = [{ path, raw: text, flag: '--set' }];
      await writeFile(file, fileOf({ ...around, [path]: value }));
      const looked = (configuration: Configuration) => {
        const { origin, value: found } = configuration.entry(setting);
        expect(found).toEqual(value);
        return origin;
      };
      expect(looked(Configuration.load({ file }))).toMatchObject({ kind: 'file', file });
      const name = environmentName(path);
      expect(looked(Configuration.load({ file, environment }))).toEqual({ kind: 'environment', name });
      const configuration = Configuration.load({ file, environment, flags });
      expect(looked(configuration)).toEqual({ kind: 'flag', flag: '--set' });
      configuration.attach(new Store());
      if (setting.applies === 'restart') {
        expect(problemOf(() => configuration.set(path, text, 'test'))).toMatchObject({ kind: 'restart', path });
      } else {
        configuration.set(path, text, 'test');
        expect(looked(configuration)).toEqual({ kind: 'run time' });
        configuration.reload();
        expect(looked(configuration)).toEqual({ kind: 'run time' });
        configuration.unset(path);
      }
      expect(looked(configuration)).toEqual({ kind: 'flag', flag: '--set' });
    },
  );
});

function problemOf(work: () => unknown): ConfigProblem | undefined {
  try {
    work();
  } catch (error) {
    if (isSealaneError(error, 'ERR_CONFIG')) return (error.details['problems'] as readonly ConfigProblem[])[0];
    throw error;
  }
  return undefined;
}

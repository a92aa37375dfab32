import { type ConfigProblem, configError, type SettingOrigin, unknownSetting } from './config-problem.js';
import { findConflicts } from './conflicts.js';
import { type FlagSetting, readEnvironment, readFlags } from './other-sources.js';
import { allSettings, findSetting, suggestPath } from './registry.js';
import { type GetSetting, type Setting, SettingProblem, type SettingValue } from './setting.js';
import { type ReadSettings, readConfigFile } from './yaml-source.js';

export interface ConfigurationSources {
  /** The YAML file, read again at every reload. */
  readonly file?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly flags?: readonly FlagSetting[];
}

/** Where settings that were changed at run time are kept. Values as `Setting.read` takes them. */
export interface RunTimeStore {
  all(): ReadonlyMap<string, unknown>;
  set(path: string, value: SettingValue, by: string): void;
  /** False if it was not there. */
  unset(path: string): boolean;
}

/** One line of `config show`. */
export interface SettingEntry {
  readonly setting: Setting;
  readonly value: SettingValue;
  readonly origin: SettingOrigin;
  /** The value that the process runs with, where it needs a restart to take the new one. */
  readonly running?: SettingValue;
}

export interface SettingsChange {
  /** Paths whose value differs from before and holds now. */
  readonly changed: readonly string[];
  /** Paths whose value differs from the one the process started with, and needs a restart. */
  readonly needsRestart: readonly string[];
}

/**
 * Looks at a change before it holds, with the values to come: what it throws refuses all of it, what it returns is called
 * when they hold.
 */
export type PrepareSettings = (get: GetSetting, changed: readonly string[]) => (() => void) | undefined;

interface Layered {
  readonly value: SettingValue;
  readonly origin: SettingOrigin;
}

/**
 * The settings of a relay from their five layers, each stronger than the one before: default, file, environment, flags,
 * run time. It is always whole and valid: a source with a problem changes nothing and throws ERR_CONFIG, whose
 * `details.problems` name every place.
 */
export class Configuration {
  readonly #sources: ConfigurationSources;
  readonly #fixed: readonly ReadSettings[];
  readonly #listeners = new Set<(change: SettingsChange) => void>();
  readonly #preparations = new Set<PrepareSettings>();
  #file: ReadSettings;
  #store: RunTimeStore | undefined;
  #values: ReadonlyMap<string, Layered>;
  /** Of settings that need a restart: what the process runs with. */
  #running: ReadonlyMap<string, SettingValue>;
  #ignored: readonly ConfigProblem[] = [];

  private constructor(sources: ConfigurationSources) {
    this.#sources = sources;
    this.#fixed = [readEnvironment(sources.environment ?? {}), readFlags(sources.flags ?? [])];
    this.#file = readFile(sources.file);
    this.#values = this.#resolve(this.#file, new Map());
    this.#running = this.#restartValues();
  }

  /** Reads every source but the run time's. @throws ERR_CONFIG */
  static load(sources: ConfigurationSources): Configuration {
    return new Configuration(sources);
  }

  /** The value now. Of a setting that needs a restart it may be newer than what the process runs with. */
  get<T extends SettingValue>(setting: Setting<T>): T {
    return this.#values.get(setting.path)?.value as T;
  }

  /** Every setting with its value and where that comes from, in the order of the registry. */
  entries(): readonly SettingEntry[] {
    return allSettings.map((setting) => this.entry(setting));
  }

  entry(setting: Setting): SettingEntry {
    const { value, origin } = this.#values.get(setting.path) ?? { value: setting.default, origin: { kind: 'default' } };
    const isPending = this.#running.has(setting.path) && !isSame(this.#running.get(setting.path), value);
    return { setting, value, origin, ...(isPending ? { running: this.#running.get(setting.path) } : {}) };
  }

  /** Values of the run time that are stored and do not hold: of a setting that is gone, or that were valid once. */
  get ignored(): readonly ConfigProblem[] {
    return this.#ignored;
  }

  /** Called after every change, with the new values in place. Returns what takes it away. */
  onChange(listener: (change: SettingsChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Asked before every change. Returns what takes it away. */
  onPrepare(prepare: PrepareSettings): () => void {
    this.#preparations.add(prepare);
    return () => this.#preparations.delete(prepare);
  }

  /** Lays the stored settings of the run time above all others. */
  attach(store: RunTimeStore): SettingsChange {
    this.#store = store;
    return this.#prepare(this.#file, this.#runTime(store))();
  }

  /** Reads the file and the stored settings again. @throws ERR_CONFIG; then everything is as it was */
  reload(): SettingsChange {
    const runTime = this.#store === undefined ? new Map() : this.#runTime(this.#store);
    return this.#prepare(readFile(this.#sources.file), runTime)();
  }

  /**
   * Changes a setting at run time and keeps it; `by` says who did.
   * @throws ERR_CONFIG for what is no setting, needs a restart, or is no value of it; errors of the store
   */
  set(path: string, raw: unknown, by: string): SettingsChange {
    const origin: SettingOrigin = { kind: 'run time' };
    const setting = requireSetting(path);
    if (setting.applies === 'restart') {
      const message = `${path} needs a restart: write it into the file, the environment or a flag`;
      throw configError([{ kind: 'restart', origin, path, message }]);
    }
    const value = readRunTime(setting, raw);
    if (value instanceof SettingProblem) {
      throw configError([{ kind: value.kind, origin, path, message: `${path} ${value.message}` }]);
    }
    const store = this.#requireStore();
    const hold = this.#prepare(this.#file, new Map([...this.#runTime(store), [path, { value, origin }]]));
    store.set(path, value, by);
    return hold();
  }

  /** Takes a setting of the run time back: file, environment, flags or the default hold again. @throws ERR_CONFIG */
  unset(path: string): SettingsChange {
    const store = this.#requireStore();
    if (findSetting(path) === undefined && !store.all().has(path)) requireSetting(path);
    const left = new Map(this.#runTime(store));
    left.delete(path);
    const hold = this.#prepare(this.#file, left);
    store.unset(path);
    return hold();
  }

  /** Everything that can go wrong with a change goes wrong here; what is returned makes it hold. */
  #prepare(file: ReadSettings, runTime: ReadonlyMap<string, Layered>): () => SettingsChange {
    const before = this.#values;
    const values = this.#resolve(file, runTime);
    const isChanged = ({ path }: Setting): boolean => !isSame(before.get(path)?.value, values.get(path)?.value);
    const changed = allSettings.filter((setting) => setting.applies !== 'restart' && isChanged(setting)).map(pathOf);
    const get: GetSetting = (setting) => values.get(setting.path)?.value as never;
    const commits = [...this.#preparations].map((prepare) => prepare(get, changed));
    return () => {
      this.#file = file;
      this.#values = values;
      const needsRestart = this.entries().flatMap((entry) => ('running' in entry ? [entry.setting.path] : []));
      const change: SettingsChange = { changed, needsRestart };
      for (const commit of commits) commit?.();
      for (const listener of this.#listeners) listener(change);
      return change;
    };
  }

  /** @throws ERR_CONFIG with every problem of every source */
  #resolve(file: ReadSettings, runTime: ReadonlyMap<string, Layered>): ReadonlyMap<string, Layered> {
    const sources = [file, ...this.#fixed];
    const problems = sources.flatMap((source) => source.problems);
    const values = new Map<string, Layered>(
      allSettings.map((setting) => [setting.path, { value: setting.default, origin: { kind: 'default' } }]),
    );
    for (const layer of [...sources.map((source) => source.values), runTime]) {
      for (const [path, entry] of layer) values.set(path, entry);
    }
    const get: GetSetting = (setting) => values.get(setting.path)?.value as never;
    for (const { path, message } of findConflicts(get, (path) => values.get(path)?.origin.kind === 'run time')) {
      problems.push({ kind: 'conflict', origin: values.get(path)?.origin ?? { kind: 'default' }, path, message });
    }
    if (problems.length > 0) throw configError(problems);
    return values;
  }

  #runTime(store: RunTimeStore): ReadonlyMap<string, Layered> {
    const origin: SettingOrigin = { kind: 'run time' };
    const values = new Map<string, Layered>();
    const ignored: ConfigProblem[] = [];
    for (const [path, raw] of store.all()) {
      const setting = findSetting(path);
      const value = setting === undefined ? undefined : readRunTime(setting, raw);
      if (setting === undefined) ignored.push({ kind: 'unknown', origin, path, message: `${path} is not a setting` });
      else if (value instanceof SettingProblem) {
        ignored.push({ kind: value.kind, origin, path, message: `${path} ${value.message}` });
      } else if (setting.applies === 'restart') {
        ignored.push({ kind: 'restart', origin, path, message: `${path} cannot be changed at run time` });
      } else values.set(path, { value, origin });
    }
    this.#ignored = ignored;
    return values;
  }

  #restartValues(): ReadonlyMap<string, SettingValue> {
    const settings = allSettings.filter(({ applies }) => applies === 'restart');
    return new Map(settings.map((setting) => [setting.path, this.get(setting)]));
  }

  #requireStore(): RunTimeStore {
    if (this.#store !== undefined) return this.#store;
    throw new Error('settings of the run time have no place yet: attach a store first');
  }
}

function readFile(file: string | undefined): ReadSettings {
  return file === undefined ? { values: new Map(), problems: [] } : readConfigFile(file);
}

function readRunTime(setting: Setting, raw: unknown): SettingValue | SettingProblem {
  try {
    return setting.read(raw);
  } catch (error) {
    if (error instanceof SettingProblem) return error;
    throw error;
  }
}

function requireSetting(path: string): Setting {
  const setting = findSetting(path);
  if (setting !== undefined) return setting;
  throw configError([unknownSetting(path, { kind: 'run time' }, suggestPath(path))]);
}

function pathOf({ path }: Setting): string {
  return path;
}

function isSame(a: SettingValue, b: SettingValue): boolean {
  return a === b || (Array.isArray(a) && Array.isArray(b) && JSON.stringify(a) === JSON.stringify(b));
}

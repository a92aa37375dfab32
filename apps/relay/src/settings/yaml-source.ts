import { closeSync, openSync, readSync } from 'node:fs';
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { type ConfigProblem, type SettingOrigin, unknownSetting } from './config-problem.js';
import { findSetting, isSection, suggestPath } from './registry.js';
import { type Setting, SettingProblem, type SettingValue } from './setting.js';

/** Settings of one source, and what is wrong with it. */
export interface ReadSettings {
  readonly values: ReadonlyMap<string, { readonly value: SettingValue; readonly origin: SettingOrigin }>;
  readonly problems: readonly ConfigProblem[];
}

/** Far more than every setting with a comment needs. */
const MAX_FILE_BYTES = 262_144;
const MAX_PROBLEMS = 50;

/** Reads a file of settings. Never throws for what is in it, nor for one that cannot be read: that is a problem, too. */
export function readConfigFile(file: string): ReadSettings {
  let text: string;
  try {
    text = readText(file);
  } catch (error) {
    const origin: SettingOrigin = { kind: 'file', file, line: 0, column: 0 };
    const [kind, message] =
      error instanceof RangeError
        ? (['size', error.message] as const)
        : (['unreadable', `cannot be read: ${error instanceof Error ? error.message : String(error)}`] as const);
    return { values: new Map(), problems: [{ kind, origin, message }] };
  }
  return parseConfig(text, file);
}

/** At most the largest size, of whatever the path names: a pipe or a device has no size to ask for. */
function readText(file: string): string {
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
    let length = 0;
    for (;;) {
      const read = readSync(descriptor, buffer, length, buffer.length - length, null);
      if (read === 0) break;
      length += read;
      if (length > MAX_FILE_BYTES) throw new RangeError(`is larger than ${MAX_FILE_BYTES / 1_024} KiB`);
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length));
  } finally {
    closeSync(descriptor);
  }
}

/** The settings in a YAML text; `file` is only named. */
export function parseConfig(text: string, file: string): ReadSettings {
  const reader = new ConfigReader(text, file);
  try {
    reader.read();
  } catch (error) {
    // Nesting that exhausts the parser; whatever a text makes it throw is an error of the text.
    reader.complain('syntax', 0, `cannot be read as YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
  return reader;
}

class ConfigReader implements ReadSettings {
  readonly values = new Map<string, { value: SettingValue; origin: SettingOrigin }>();
  readonly problems: ConfigProblem[] = [];
  readonly #text: string;
  readonly #file: string;
  readonly #lines = new LineCounter();

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  read(): void {
    const document: Document.Parsed = parseDocument(this.#text, {
      lineCounter: this.#lines,
      // Nothing is printed; 'silent' would take a second document for none.
      logLevel: 'error',
      prettyErrors: false,
      resolveKnownTags: false,
      stringKeys: true,
      // Found here, with the line of the first one and without comparing each key with each.
      uniqueKeys: false,
    });
    for (const problem of [...document.errors, ...document.warnings]) {
      this.complain('syntax', problem.pos[0], `is not YAML as it is meant here: ${problem.message.split('\n')[0]}`);
    }
    if (document.errors.length > 0) return;
    const { contents } = document;
    if (contents === null || (isScalar(contents) && contents.value === null)) return;
    if (!isMap(contents)) this.complain('type', offsetOf(contents), 'is no list of settings; write name: value');
    else this.#readMap(contents, '');
  }

  complain(kind: ConfigProblem['kind'], offset: number, message: string, facts: Partial<ConfigProblem> = {}): void {
    if (this.problems.length < MAX_PROBLEMS)
      this.problems.push({ kind, origin: this.#origin(offset), message, ...facts });
  }

  #readMap(map: Node, prefix: string): void {
    if (!isMap(map)) return;
    const seen = new Map<string, number>();
    for (const { key, value } of map.items) {
      if (!isScalar(key)) continue;
      const offset = offsetOf(key);
      const name = String(key.value);
      const path = prefix + name;
      const before = seen.get(name);
      seen.set(name, offset);
      if (before !== undefined) {
        const line = this.#lines.linePos(before).line;
        this.complain('duplicate', offset, `${path} is set twice, first in line ${line}`, { path });
        continue;
      }
      const node = value as Node | null;
      const setting = findSetting(path);
      if (setting !== undefined) this.#readSetting(setting, node, offset);
      else if (isSection(path)) this.#readSection(path, node, offset);
      else this.#complainUnknown(path, offset);
    }
  }

  #readSection(path: string, node: Node | null, offset: number): void {
    if (isMap(node)) this.#readMap(node, `${path}.`);
    else if (node !== null && !(isScalar(node) && node.value === null)) {
      const text = isAlias(node)
        ? 'is an alias; write the settings out'
        : 'is a group; its settings stand below it, indented';
      this.complain(isAlias(node) ? 'alias' : 'type', offset, `${path} ${text}`, { path });
    }
  }

  #readSetting(setting: Setting, node: Node | null, offset: number): void {
    const { path } = setting;
    const raw = this.#rawOf(node, path);
    // Said already: an alias somewhere in it.
    if (raw === aliased) return;
    // `name:` with nothing after it leaves the setting as it is.
    if (raw === null) return;
    try {
      this.values.set(path, { value: setting.read(raw), origin: this.#origin(offset) });
    } catch (error) {
      if (!(error instanceof SettingProblem)) throw error;
      this.complain(error.kind, node === null ? offset : offsetOf(node), `${path} ${error.message}`, { path });
    }
  }

  #rawOf(node: Node | null, path: string): unknown {
    if (node === null) return null;
    if (isScalar(node)) return node.value;
    if (isAlias(node)) {
      this.complain('alias', offsetOf(node), `${path} is an alias; write the value out`, { path });
      return aliased;
    }
    if (!isSeq(node)) return {};
    const items = node.items.map((item) => this.#rawOf(item as Node, path));
    return items.includes(aliased) ? aliased : items;
  }

  #complainUnknown(path: string, offset: number): void {
    if (this.problems.length >= MAX_PROBLEMS) return;
    this.problems.push(unknownSetting(path, this.#origin(offset), suggestPath(path)));
  }

  #origin(offset: number): SettingOrigin {
    const { line, col } = this.#lines.linePos(offset);
    // A text without a line break before the place.
    return { kind: 'file', file: this.#file, line: Math.max(1, line), column: line === 0 ? offset + 1 : col };
  }
}

const aliased: unique symbol = Symbol('aliased');

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

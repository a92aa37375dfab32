import { allSettings } from './registry.js';
import { formatValue, type Setting, type SettingValue } from './setting.js';

const introduction = `# Configuration of sealane-relay. Every line that is commented out shows a default.
# Stronger than this file, in this order: the environment (SEALANE_RELAY_...), flags (--set path=value), and what was
# changed at run time. Check it with: sealane-relay config check FILE
# After a change: kill -HUP PID. What says "after a restart" needs one.
`;

const appliesText = { live: '', new: 'for what is new', restart: 'after a restart' } as const;
const WIDTH = 118;

/** The file that `init` writes: every setting with its meaning and default, all of them commented out. */
export function createCommentedFile(
  given: ReadonlyMap<string, SettingValue> = new Map(),
  settings: readonly Setting[] = allSettings,
): string {
  const lines = [introduction];
  let open: readonly string[] = [];
  for (const setting of bySection(settings)) {
    const names = setting.path.split('.');
    const sections = names.slice(0, -1);
    lines.push(...sectionLines(sections, open));
    open = sections;
    const indent = '  '.repeat(names.length - 1);
    const isGiven = given.has(setting.path);
    const value = isGiven ? given.get(setting.path) : setting.default;
    lines.push(...comment(describe(setting), indent));
    lines.push(`${indent}${isGiven ? '' : '# '}${`${names.at(-1)}: ${written(setting, value)}`.trimEnd()}`, '');
  }
  return lines.join('\n');
}

/** Each section once and in one piece, the settings right in it before those of its own sections: a key may not come twice. */
function bySection(settings: readonly Setting[], depth = 0): readonly Setting[] {
  const own = settings.filter(({ path }) => path.split('.').length === depth + 1);
  const sections = new Map<string, Setting[]>();
  for (const setting of settings) {
    const names = setting.path.split('.');
    if (names.length === depth + 1) continue;
    const section = sections.get(names[depth]!);
    if (section === undefined) sections.set(names[depth]!, [setting]);
    else section.push(setting);
  }
  return [...own, ...[...sections.values()].flatMap((section) => bySection(section, depth + 1))];
}

/** Those that are not open yet. */
function sectionLines(sections: readonly string[], open: readonly string[]): string[] {
  const same = sections.findIndex((name, depth) => name !== open[depth]);
  const from = same === -1 ? sections.length : same;
  return sections.slice(from).map((name, index) => `${'  '.repeat(from + index)}${name}:`);
}

function describe(setting: Setting): string {
  const notes = [
    appliesText[setting.applies],
    setting.choices === undefined ? '' : `one of ${setting.choices.join(', ')}`,
  ];
  const note = notes.filter((text) => text !== '').join('; ');
  const { meaning } = setting;
  return `${meaning[0]?.toUpperCase()}${meaning.slice(1)}.${note === '' ? '' : ` (${note})`}`;
}

function written(setting: Setting, value: SettingValue): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return JSON.stringify(value);
  return typeof value === 'string' ? JSON.stringify(value) : formatValue(setting, value);
}

function comment(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = `${indent}#`;
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = `${indent}#`;
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}

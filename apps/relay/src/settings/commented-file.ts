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
export function createCommentedFile(given: ReadonlyMap<string, SettingValue> = new Map()): string {
  const lines = [introduction];
  let section = '';
  for (const setting of allSettings) {
    const names = setting.path.split('.');
    const group = names.slice(0, -1).join('.');
    if (group !== section) {
      section = group;
      if (group !== '') lines.push(...sectionLines(group));
    }
    const indent = '  '.repeat(names.length - 1);
    const isGiven = given.has(setting.path);
    const value = isGiven ? given.get(setting.path) : setting.default;
    lines.push(...comment(describe(setting), indent));
    lines.push(`${indent}${isGiven ? '' : '# '}${`${names.at(-1)}: ${written(setting, value)}`.trimEnd()}`, '');
  }
  return lines.join('\n');
}

function sectionLines(group: string): string[] {
  return group.split('.').map((name, depth) => `${'  '.repeat(depth)}${name}:`);
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

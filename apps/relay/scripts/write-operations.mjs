// Writes docs/operations.md, docs/limits.md, docs/relay-config.schema.json and docs/observability.md from the built settings and
// metrics. With --check it only compares and fails if a file is not current.
import { readFileSync, writeFileSync } from 'node:fs';
import { RelayLimit } from '@sealane/types';
import { metricDefinitions } from '../dist/observability/metric-definitions.js';
import { createJsonSchema } from '../dist/settings/json-schema.js';
import { aboveLimit, limitSettings } from '../dist/settings/limit-settings.js';
import { allSettings, environmentName } from '../dist/settings/registry.js';
import { formatBytes, formatDuration, formatValue } from '../dist/settings/setting.js';
import { limitsConclusion, limitsIntroduction } from './limits-text.mjs';
import { observabilityText } from './observability-text.mjs';
import { conclusion, introduction } from './operations-text.mjs';

const units = {
  switch: '`true`, `false`',
  count: 'number',
  share: 'number',
  duration: 'time',
  bytes: 'size',
  text: 'text',
  choice: '',
  list: 'list of texts',
};
const applies = { live: 'at once', new: 'for what comes after', restart: 'after a restart' };

function unitOf(setting) {
  if (setting.kind === 'choice') return setting.choices.map((choice) => `\`${choice}\``).join(', ');
  const { kind, min, max } = setting;
  const format = kind === 'duration' ? formatDuration : kind === 'bytes' ? formatBytes : String;
  if (min === undefined) return units[kind];
  return kind === 'share' || kind === 'duration'
    ? `${units[kind]}, ${format(min)} to ${format(max)}`
    : `${units[kind]}, from ${format(min)}`;
}

function defaultOf(setting) {
  if (setting.default === undefined) return 'none';
  const text =
    Array.isArray(setting.default) && setting.default.length === 0 ? '[]' : formatValue(setting, setting.default);
  return `\`${text}\``;
}

function row(setting) {
  const flag = setting.flag === undefined ? '' : `; \`${setting.flag}\``;
  return `| \`${setting.path}\` | ${unitOf(setting)} | ${defaultOf(setting)} | ${setting.meaning}${flag} | ${applies[setting.applies]} |`;
}

function sectionOf({ path }) {
  return path.split('.').slice(0, -1).join('.');
}

function tables() {
  const sections = [...new Set(allSettings.map(sectionOf))];
  return sections.map((section) => {
    const rows = allSettings.filter((setting) => sectionOf(setting) === section).map(row);
    const title = section === '' ? 'The process' : `\`${section}\``;
    return `### ${title}\n\n| setting | unit | default | meaning | applies |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
}

function metricRow({ name, type, labels, help }) {
  return `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`;
}

const metrics = `| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n${metricDefinitions.map(metricRow).join('\n')}`;

/** With the defaults of the library, of which the program changes few. */
function limitRow([name, setting]) {
  const value =
    setting.kind === 'count' ? RelayLimit[name].toLocaleString('en-US') : formatValue(setting, RelayLimit[name]);
  return `| \`${name}\` | ${value} | ${setting.meaning} | ${aboveLimit[name] ?? ''} |\n`;
}

const example = environmentName('limits.authTimeoutMs');
const settings = `## Settings\n\nEach of them can be set in all sources, e.g. \`limits.authTimeoutMs\` as \`${example}=5s\`.\n`;
const files = {
  'operations.md': [introduction, settings, ...tables(), conclusion].filter((part) => part !== '').join('\n'),
  'observability.md': observabilityText.replace('METRICS', () => metrics),
  'limits.md': `${limitsIntroduction}${Object.entries(limitSettings).map(limitRow).join('')}${limitsConclusion}`,
  'relay-config.schema.json': `${JSON.stringify(createJsonSchema(), null, 2)}\n`,
};

for (const [name, text] of Object.entries(files)) {
  const file = new URL(`../../../docs/${name}`, import.meta.url);
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (read(file) !== text) {
    process.stderr.write(
      `docs/${name} is not current; run "node apps/relay/scripts/write-operations.mjs" after a build\n`,
    );
    process.exitCode = 1;
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

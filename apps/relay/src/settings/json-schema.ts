import { allSettings } from './registry.js';
import { formatBytes, formatDuration, formatValue, type Setting } from './setting.js';

type Schema = Readonly<Record<string, unknown>>;

const unitPatterns = {
  duration: '^[0-9]+([.][0-9]+)? ?(ms|s|min|h|d)$',
  bytes: '^[0-9]+([.][0-9]+)? ?(B|KiB|MiB|GiB)$',
} as const;

/** JSON Schema (draft 2020-12) of the configuration file, for editors and other tools. */
export function createJsonSchema(): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of sealane-relay',
    ...groupSchema(allSettings, ''),
  };
}

function groupSchema(settings: readonly Setting[], prefix: string): Schema {
  const properties: Record<string, Schema> = {};
  for (const setting of settings) {
    const [name = '', ...rest] = setting.path.slice(prefix.length).split('.');
    if (rest.length === 0) properties[name] = settingSchema(setting);
    else {
      const below = `${prefix}${name}.`;
      properties[name] ??= groupSchema(
        settings.filter(({ path }) => path.startsWith(below)),
        below,
      );
    }
  }
  return { type: ['object', 'null'], additionalProperties: false, properties };
}

function settingSchema(setting: Setting): Schema {
  const facts = {
    description: `${setting.meaning}${limitsOf(setting)}`,
    ...(setting.default === undefined ? {} : { default: writtenDefault(setting) }),
  };
  const bounds = {
    ...(setting.min === undefined ? {} : { minimum: setting.min }),
    ...(setting.max === undefined ? {} : { maximum: setting.max }),
  };
  switch (setting.kind) {
    case 'switch':
      return { ...facts, type: ['boolean', 'null'] };
    case 'count':
      return { ...facts, type: ['integer', 'null'], ...bounds };
    case 'share':
      return { ...facts, type: ['number', 'null'], ...bounds };
    case 'duration':
    case 'bytes':
      return { ...facts, type: ['integer', 'string', 'null'], ...bounds, pattern: unitPatterns[setting.kind] };
    case 'choice':
      return { ...facts, enum: [...(setting.choices ?? []), null] };
    case 'list':
      return { ...facts, type: ['array', 'string', 'null'], items: { type: 'string' } };
    case 'text':
      return { ...facts, type: ['string', 'null'] };
  }
}

function writtenDefault(setting: Setting): unknown {
  return setting.kind === 'duration' || setting.kind === 'bytes'
    ? formatValue(setting, setting.default)
    : setting.default;
}

function limitsOf({ kind, min, max }: Setting): string {
  if (min === undefined || max === undefined) return '';
  if (kind === 'duration') return `; ${formatDuration(min)} to ${formatDuration(max)}`;
  return kind === 'bytes' ? `; at least ${formatBytes(min)}` : '';
}

import type { Schema } from './route.js';

type Resolve = (name: string) => Schema;

/**
 * What is wrong with a value from outside, each place with its name; empty if it is as the schema says. Reads what the
 * schemas of requests use: `$ref`, `type`, `enum`, `const`, bounds of numbers and texts, `pattern`, `items`, `maxItems`,
 * `properties`, `required`; no other property is taken than those that are named. A schema with anything else is a defect.
 */
export function checkValue(schema: Schema, value: unknown, where: string, resolve: Resolve): readonly string[] {
  const problems: string[] = [];
  check({ schema, value, where, resolve, problems });
  return problems;
}

/** The name in `{ $ref: '#/components/schemas/NAME' }`. */
export function refName(schema: Schema): string | undefined {
  const reference = schema['$ref'];
  return typeof reference === 'string' ? reference.slice(reference.lastIndexOf('/') + 1) : undefined;
}

interface Check {
  readonly schema: Schema;
  readonly value: unknown;
  readonly where: string;
  readonly resolve: Resolve;
  readonly problems: string[];
}

type Keyword = (expected: unknown, check: Check) => string | undefined;

const keywords: Readonly<Record<string, Keyword>> = {
  type: (expected, { value }) => {
    const types = Array.isArray(expected) ? expected : [expected];
    return types.some((type) => isOfType(value, type)) ? undefined : `is not ${types.join(' or ')}`;
  },
  enum: (expected, { value }) =>
    (expected as readonly unknown[]).includes(value) ? undefined : `is none of ${(expected as unknown[]).join(', ')}`,
  const: (expected, { value }) => (value === expected ? undefined : `is not ${String(expected)}`),
  minimum: (least, { value }) =>
    typeof value === 'number' && value < (least as number) ? `is less than ${least}` : undefined,
  maximum: (most, { value }) =>
    typeof value === 'number' && value > (most as number) ? `is more than ${most}` : undefined,
  minLength: (least, { value }) =>
    typeof value === 'string' && value.length < (least as number) ? `has less than ${least} characters` : undefined,
  maxLength: (most, { value }) =>
    typeof value === 'string' && value.length > (most as number) ? `has more than ${most} characters` : undefined,
  pattern: (pattern, { value }) =>
    typeof value === 'string' && !new RegExp(pattern as string, 'u').test(value) ? `is not ${pattern}` : undefined,
  maxItems: (most, { value }) =>
    Array.isArray(value) && value.length > (most as number) ? `has more than ${most} entries` : undefined,
  items: (schema, { value, where, ...rest }) => {
    if (!Array.isArray(value)) return undefined;
    for (const [index, item] of value.entries()) {
      check({ ...rest, schema: schema as Schema, value: item, where: `${where}[${index}]` });
    }
    return undefined;
  },
  required: (names, { value, where, problems }) => {
    if (!isObject(value)) return undefined;
    for (const name of names as readonly string[]) {
      if (!Object.hasOwn(value, name)) problems.push(`${where}.${name} is missing`);
    }
    return undefined;
  },
  properties: (properties, { value, where, ...rest }) => {
    if (!isObject(value)) return undefined;
    for (const [name, item] of Object.entries(value)) {
      const known = properties as Readonly<Record<string, Schema>>;
      const schema = Object.hasOwn(known, name) ? known[name] : undefined;
      if (schema === undefined)
        rest.problems.push(`${where} has ${JSON.stringify(name.slice(0, 60))}, which is nothing`);
      else check({ ...rest, schema, value: item, where: `${where}.${name}` });
    }
    return undefined;
  },
  // What takes any property lists none.
  additionalProperties: (schema, { value, where, ...rest }) => {
    if (schema === false || !isObject(value)) return undefined;
    for (const [name, item] of Object.entries(value)) {
      check({ ...rest, schema: schema as Schema, value: item, where: `${where}.${name.slice(0, 60)}` });
    }
    return undefined;
  },
  maxProperties: (most, { value }) =>
    isObject(value) && Object.keys(value).length > (most as number) ? `has more than ${most} fields` : undefined,
};
/** Say nothing about values. */
const remarks: ReadonlySet<string> = new Set(['description', 'title', 'default', 'examples', 'format']);

function check(state: Check): void {
  const name = refName(state.schema);
  if (name !== undefined) {
    check({ ...state, schema: state.resolve(name) });
    return;
  }
  const isWrongType = keywords['type']!(state.schema['type'], state);
  for (const [keyword, expected] of Object.entries(state.schema)) {
    if (remarks.has(keyword)) continue;
    const look = keywords[keyword];
    if (look === undefined) throw new Error(`no request is checked for "${keyword}"`);
    // What is of another type altogether is told once.
    const problem = keyword === 'type' ? isWrongType : isWrongType === undefined ? look(expected, state) : undefined;
    if (problem !== undefined) state.problems.push(`${state.where} ${problem}`);
  }
}

function isOfType(value: unknown, type: unknown): boolean {
  switch (type) {
    case undefined:
      return true;
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'integer':
      return Number.isSafeInteger(value);
    default:
      return typeof value === type;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

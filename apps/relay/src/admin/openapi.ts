import { type ApiErrorCode, apiErrors } from './api-error.js';
import type { Route, Schema, Success } from './route.js';

export interface OpenApiOptions {
  readonly routes: readonly Route[];
  readonly schemas: Readonly<Record<string, Schema>>;
  /** Of the program. */
  readonly version: string;
}

const JSON_TYPE = 'application/json';
/** Possible wherever something is asked. */
const everywhere: readonly ApiErrorCode[] = ['BAD_REQUEST', 'INVALID', 'WRONG_HOST', 'INTERNAL', 'STORAGE'];
const withToken: readonly ApiErrorCode[] = ['UNAUTHORIZED', 'FORBIDDEN', 'THROTTLED'];
const withBody: readonly ApiErrorCode[] = ['TOO_LARGE', 'UNSUPPORTED_TYPE'];

/** The document of what a listener with these routes answers, OpenAPI 3.1. */
export function createOpenApi({ routes, schemas, version }: OpenApiOptions): Schema {
  const paths: Record<string, Record<string, Schema>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    paths[route.path]![route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sealane relay, admin API',
      version,
      description:
        'Codes of errors are stable, texts are not. Each role may do what those before it may: read, operate, admin. Times are Unix milliseconds.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas,
    },
  };
}

function operationOf(route: Route): Schema {
  const { id, tag, summary, role, body } = route;
  const parameters = parametersOf(route);
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: role === 'anyone' ? 'Needs no token.' : `Role: ${role}.`,
    'x-sealane-role': role,
    security: role === 'anyone' ? [] : [{ token: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: { [JSON_TYPE]: { schema: body } } } }),
    responses: { ...successesOf(route), ...errorsOf(route) },
  };
}

function parametersOf({ path, parameters = [] }: Route): readonly Schema[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
  const unnamed = inPath.filter((name) => !parameters.some((known) => known.in === 'path' && known.name === name));
  return [
    ...unnamed.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...parameters.map((parameter) => ({ ...parameter, ...(parameter.in === 'path' ? { required: true } : {}) })),
  ];
}

function successesOf({ success }: Route): Readonly<Record<string, Schema>> {
  const successes: readonly Success[] = Array.isArray(success) ? success : [success];
  return Object.fromEntries(
    successes.map(({ status, description, type = JSON_TYPE, schema }) => [
      String(status),
      { description, ...(schema === undefined ? {} : { content: { [type]: { schema } } }) },
    ]),
  );
}

/** By status: several codes may share one. */
function errorsOf(route: Route): Readonly<Record<string, Schema>> {
  const codes = new Set<ApiErrorCode>([
    ...everywhere,
    ...(route.role === 'anyone' ? [] : withToken),
    ...(route.body === undefined ? [] : withBody),
    ...(route.errors ?? []),
  ]);
  const byStatus = new Map<number, ApiErrorCode[]>();
  for (const code of codes) byStatus.set(apiErrors[code][0], [...(byStatus.get(apiErrors[code][0]) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, named]) => [
      String(status),
      {
        description: named.map((code) => `${code}: ${apiErrors[code][1]}`).join('; '),
        content: { [JSON_TYPE]: { schema: { $ref: '#/components/schemas/Error' } } },
      },
    ]),
  );
}

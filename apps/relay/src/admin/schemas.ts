import { ErrorCode } from '@sealane/types';
import { apiErrors } from './api-error.js';
import type { Schema } from './route.js';

export function ref(name: SchemaName): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** An object in which every field is there, and no other. */
export function object(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return {
    type: 'object',
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

const text: Schema = { type: 'string' };
const count: Schema = { type: 'integer', minimum: 0 };

type SchemaName = 'Error' | 'Relay' | 'OpenApi';

/** Every shape that the admin API takes or gives, in one place. */
export const schemas: Readonly<Record<SchemaName, Schema>> = {
  Error: object({
    error: object(
      {
        code: { type: 'string', enum: Object.keys(apiErrors) },
        message: text,
        reason: { type: 'string', enum: Object.keys(ErrorCode), description: "the relay's own code" },
        problems: { type: 'array', items: text, description: 'each place that is wrong' },
      },
      ['reason', 'problems'],
    ),
  }),
  Relay: object({
    id: text,
    url: text,
    version: text,
    statistics: {
      type: 'object',
      description: 'counts now and since the start',
      properties: {
        refusals: { type: 'object', additionalProperties: count, description: 'by the name of their code' },
      },
      required: ['refusals'],
      additionalProperties: count,
    },
  }),
  OpenApi: {
    type: 'object',
    properties: { openapi: { const: '3.1.0' }, info: { type: 'object' }, paths: { type: 'object' } },
    required: ['openapi', 'info', 'paths'],
  },
};

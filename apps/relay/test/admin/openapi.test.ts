import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';
import { createOpenApi } from '../../src/admin/openapi.js';
import { relayRoutes } from '../../src/admin/relay-routes.js';
import { schemas } from '../../src/admin/schemas.js';

it('the document is OpenAPI 3.1, and its schemas are schemas', async () => {
  const routes = relayRoutes({} as never);
  const document = createOpenApi({ routes, schemas, version: '1.2.3' });
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  expect([valid, errors]).toEqual([true, undefined]);
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  const definitions = JSON.parse(JSON.stringify(schemas).replaceAll('#/components/schemas/', '#/$defs/'));
  for (const name of Object.keys(schemas)) {
    expect(ajv.compile({ $defs: definitions, $ref: `#/$defs/${name}` })).toBeTypeOf('function');
  }
});

import type { Page, PageQuery } from '@sealane/server';
import type { Answer, Call, Route } from './route.js';

type RouteParameter = NonNullable<Route['parameters']>[number];

const MAX_ITEMS = 1_000;

export const limitParameter: RouteParameter = {
  in: 'query',
  name: 'limit',
  description: 'most items of the answer; 100 without it',
  schema: { type: 'integer', minimum: 1, maximum: MAX_ITEMS },
};

/** Of every list that has pages. */
export const pageParameters: readonly RouteParameter[] = [
  limitParameter,
  {
    in: 'query',
    name: 'after',
    description: '`next` of the page before',
    schema: { type: 'string', minLength: 1, maxLength: 512 },
  },
];

export function pageQuery({ query }: Call): PageQuery {
  const { after, limit } = query;
  return {
    after: after === undefined ? undefined : String(after),
    limit: limit === undefined ? undefined : Number(limit),
  };
}

/** Without `next` on the last page. */
export function pageAnswer<T>({ items, next }: Page<T>): Answer {
  return { json: next === undefined ? { items } : { items, next } };
}

export function idParameter(place: 'path' | 'query', name: string, description: string): RouteParameter {
  return { in: place, name, description, schema: { type: 'string', minLength: 1, maxLength: 128 } };
}

import type { ServerResponse } from 'node:http';
import type { AccessRole, AccessToken } from '../database/access-token-repository.js';
import type { ApiErrorCode } from './api-error.js';

/** JSON Schema of draft 2020-12, as far as `checkValue` reads it. */
export type Schema = Readonly<Record<string, unknown>>;

/** Each role may do what those before it may; `anyone` needs no token. */
export type RouteRole = AccessRole | 'anyone';

export interface Parameter {
  readonly name: string;
  readonly description: string;
  /** Of one text or one whole number. */
  readonly schema: Schema;
}

/** A request that was let in, with everything checked against the route's schemas. */
export interface Call {
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | number>>;
  /** JSON; undefined where the route has none. */
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Undefined only for routes that anyone may call. */
  readonly token: AccessToken | undefined;
  /** For the audit log: the token, or nobody. */
  readonly actor: string;
}

export type Answer =
  | { readonly status?: number; readonly json: unknown }
  | { readonly status: 204 }
  /** Text of another form, as Prometheus wants it. */
  | { readonly status?: number; readonly text: string; readonly type: string }
  /** The handler writes it, for as long as it likes. */
  | { readonly write: (response: ServerResponse) => void };

/** What a route says when all is well, for the document. */
export interface Success {
  readonly status: number;
  readonly description: string;
  /** Default `application/json`; not for 204. */
  readonly type?: string;
  readonly schema?: Schema;
}

/**
 * One thing that the admin listener does: how it is found, who may, what it does, and what is said of it in
 * `/api/v1/openapi.json`. There is nothing else that the listener answers to.
 */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/api/v1/bans/{kind}/{value}` */
  readonly path: string;
  /** Read at every request, so that a getter can follow a setting. */
  readonly role: RouteRole;
  /** Unique, for generated clients: `listBans`. */
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  /** Those in the path need not be named where any text is one. */
  readonly parameters?: readonly (Parameter & { readonly in: 'path' | 'query' | 'header' })[];
  readonly body?: Schema;
  readonly success: Success | readonly Success[];
  /** Beside those that every route has. */
  readonly errors?: readonly ApiErrorCode[];
  readonly handle: (call: Call) => Answer | Promise<Answer>;
}

const order: readonly RouteRole[] = ['anyone', 'read', 'operate', 'admin'];

export function mayCall(has: RouteRole, needs: RouteRole): boolean {
  return order.indexOf(has) >= order.indexOf(needs);
}

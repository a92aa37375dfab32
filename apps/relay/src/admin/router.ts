import { ApiError } from './api-error.js';
import type { Route } from './route.js';

export interface Match {
  readonly route: Route;
  readonly path: Readonly<Record<string, string>>;
}

interface Node {
  readonly byText: Map<string, Node>;
  /** `{name}`: any one segment that is not empty. */
  any: Node | undefined;
  readonly routes: Map<string, { readonly route: Route; readonly names: readonly string[] }>;
}

/** Finds routes by method and path, segment by segment: exact ones go before `{...}`. */
export class Router {
  readonly routes: readonly Route[];
  readonly #root: Node = createNode();

  /** @throws Error for two routes of the same method and path */
  constructor(routes: readonly Route[]) {
    this.routes = routes;
    for (const route of routes) this.#add(route);
  }

  /** @param path as it came, with percent signs. @throws ApiError NOT_FOUND, METHOD_NOT_ALLOWED, BAD_REQUEST */
  match(method: string, path: string): Match {
    const values: string[] = [];
    const node = find(this.#root, path.split('/').slice(1).map(decode), values);
    if (node === undefined) throw new ApiError('NOT_FOUND');
    const found = node.routes.get(method);
    if (found === undefined) {
      throw new ApiError('METHOD_NOT_ALLOWED', undefined, { headers: { Allow: [...node.routes.keys()].join(', ') } });
    }
    const { route, names } = found;
    return { route, path: Object.fromEntries(names.map((name, index) => [name, values[index] ?? ''])) };
  }

  #add(route: Route): void {
    const names: string[] = [];
    let node = this.#root;
    for (const segment of route.path.split('/').slice(1)) {
      const name = /^\{(\w+)\}$/.exec(segment)?.[1];
      if (name === undefined) {
        const next = node.byText.get(segment) ?? createNode();
        node.byText.set(segment, next);
        node = next;
      } else {
        names.push(name);
        node.any ??= createNode();
        node = node.any;
      }
    }
    if (node.routes.has(route.method)) throw new Error(`two routes for ${route.method} ${route.path}`);
    node.routes.set(route.method, { route, names });
  }
}

function createNode(): Node {
  return { byText: new Map(), any: undefined, routes: new Map() };
}

function find(node: Node, segments: readonly string[], values: string[]): Node | undefined {
  const [segment, ...rest] = segments;
  if (segment === undefined) return node.routes.size === 0 ? undefined : node;
  const exact = node.byText.get(segment);
  const found = exact === undefined ? undefined : find(exact, rest, values);
  if (found !== undefined || node.any === undefined || segment === '') return found;
  values.push(segment);
  const below = find(node.any, rest, values);
  if (below === undefined) values.pop();
  return below;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ApiError('BAD_REQUEST', 'the path has a percent sign that means nothing');
  }
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Clock, SealaneError, systemClock } from '@sealane/types';
import type { AccessToken } from '../database/access-token-repository.js';
import { type AccessTokens, isTokenText } from './access-tokens.js';
import { ApiError, toApiError } from './api-error.js';
import { checkValue } from './check-value.js';
import { checkHost } from './host-check.js';
import { LoginThrottle } from './login-throttle.js';
import { readJson } from './request-body.js';
import { type Answer, type Call, mayCall, type Route, type Schema } from './route.js';
import { type Match, Router } from './router.js';

const MAX_HEADER_BYTES = 16_384;
const HEADERS_TIMEOUT_MS = 5_000;
/** From the first byte of a request to the last one of its body. */
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 5_000;
const CHECK_INTERVAL_MS = 1_000;
/** A socket on which nothing moves; an answer that is written bit by bit says something more often. */
const IDLE_TIMEOUT_MS = 60_000;
const MAX_CONNECTIONS = 256;
const MAX_CONNECTIONS_PER_ADDRESS = 64;
/** As addresses are counted. */
const LOOPBACK = ['127.0.0.1', '::/64'];

export interface AdminListenerOptions {
  readonly routes: readonly Route[];
  /** Those that `$ref` in the routes' schemas name. */
  readonly schemas: Readonly<Record<string, Schema>>;
  readonly tokens: AccessTokens;
  /** Names under which it may be asked, beside addresses and `localhost`. Read at every request. */
  readonly hosts: () => readonly string[];
  /** Whose attempts with a wrong token are counted together. */
  readonly addressOf: (request: IncomingMessage) => string;
  /** Id of the token that is in a file of this machine: here it is known from the start. */
  readonly fileToken: string;
  /** An address whose attempts are not looked at from now on. */
  readonly onThrottled: (address: string) => void;
  /** A defect: the caller gets INTERNAL and nothing more. */
  readonly onFault: (error: unknown) => void;
  readonly clock?: Clock;
}

/** HTTP for operators and their programs, on an address of its own: every answer is one of a {@link Route}, or an error as JSON. */
export class AdminListener {
  /** `http://host:port` */
  readonly url: string;
  readonly #options: AdminListenerOptions;
  readonly #server: Server;
  readonly #router: Router;
  readonly #throttle: LoginThrottle;
  readonly #perAddress = new Map<string, number>();

  private constructor(options: AdminListenerOptions, server: Server, url: string) {
    this.#options = options;
    this.#server = server;
    this.url = url;
    this.#router = new Router(options.routes);
    this.#throttle = new LoginThrottle(options.clock ?? systemClock);
    for (const address of LOOPBACK) this.#throttle.passed(`${address} ${options.fileToken}`);
    server.on('connection', (socket) => this.#count(socket));
    server.on('request', (request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        options.onFault(error);
        response.destroy();
      });
    });
  }

  /** @throws ERR_LISTEN */
  static async listen(
    options: AdminListenerOptions,
    address: { readonly host: string; readonly port: number },
  ): Promise<AdminListener> {
    const server = createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      // Its absence is told as a wrong one.
      requireHostHeader: false,
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.timeout = IDLE_TIMEOUT_MS;
    server.on('clientError', answerClientError);
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        const text = `the admin listener cannot listen on ${host}:${address.port}: ${cause.message}`;
        reject(new SealaneError('ERR_LISTEN', text, { cause }));
      });
      server.listen(address, resolve);
    });
    // accept() fails for a while when the process is out of file descriptors.
    server.removeAllListeners('error').on('error', options.onFault);
    return new AdminListener(options, server, `http://${host}:${(server.address() as AddressInfo).port}`);
  }

  /** Ends what is open. Idempotent. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      checkHost(request.headers.host, this.#options.hosts());
      const { path, query } = splitTarget(request.url ?? '');
      const match = this.#router.match(request.method ?? '', path);
      const token = this.#admit(request, match.route);
      const answer = await match.route.handle(await this.#read(request, match, query, token));
      writeAnswer(response, answer);
    } catch (error) {
      if (response.destroyed || request.socket.destroyed) return;
      const known = toApiError(error);
      if (known === undefined || known.code === 'STORAGE') this.#options.onFault(error);
      writeError(request, response, known ?? new ApiError('INTERNAL'));
    }
  }

  /** @throws ApiError THROTTLED, UNAUTHORIZED, FORBIDDEN */
  #admit(request: IncomingMessage, route: Route): AccessToken | undefined {
    if (route.role === 'anyone') return undefined;
    const { addressOf, tokens } = this.#options;
    const address = addressOf(request);
    const text = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const token = text === undefined || !isTokenText(text) ? undefined : tokens.find(text);
    const waitMs = this.#throttle.waitMs(address);
    // The same answer, after the same time, to a token that holds and to one that does not.
    const pair = `${address} ${token?.id}`;
    if (waitMs > 0 && !this.#throttle.isKnown(pair)) {
      throw new ApiError('THROTTLED', undefined, { headers: { 'Retry-After': String(Math.ceil(waitMs / 1_000)) } });
    }
    if (token === undefined) {
      // Who shows nothing has guessed nothing.
      if (text !== undefined && this.#throttle.failed(address)) this.#options.onThrottled(address);
      throw new ApiError('UNAUTHORIZED', undefined, {
        headers: { 'WWW-Authenticate': 'Bearer realm="sealane-relay"' },
      });
    }
    this.#throttle.passed(pair);
    tokens.noteUse(token);
    if (!mayCall(token.role, route.role)) {
      throw new ApiError('FORBIDDEN', `this needs a token with the role ${route.role}; this one has ${token.role}`);
    }
    return token;
  }

  /** @throws ApiError INVALID and what reading the body throws */
  async #read(
    request: IncomingMessage,
    { route, path }: Match,
    query: URLSearchParams,
    token: AccessToken | undefined,
  ): Promise<Call> {
    const resolve = (name: string): Schema => this.#options.schemas[name]!;
    const parameters = readQuery(route, query);
    const problems = Object.entries(path).flatMap(([name, value]) => {
      const schema = route.parameters?.find((known) => known.in === 'path' && known.name === name)?.schema;
      return schema === undefined ? [] : checkValue(schema, value, name, resolve);
    });
    for (const { name, schema, in: place } of route.parameters ?? []) {
      const value = parameters[name];
      if (place === 'query' && value !== undefined) problems.push(...checkValue(schema, value, name, resolve));
    }
    const body = route.body === undefined ? undefined : await readJson(request);
    if (route.body !== undefined) problems.push(...checkValue(route.body, body, 'body', resolve));
    if (problems.length > 0) {
      throw new ApiError('INVALID', problems[0], { problems: problems.slice(0, 20) });
    }
    const actor = token === undefined ? 'anyone' : `token:${token.id}`;
    return { path, query: parameters, body, headers: request.headers, token, actor };
  }

  #count(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const count = this.#perAddress.get(address) ?? 0;
    if (count >= MAX_CONNECTIONS_PER_ADDRESS) {
      socket.destroy();
      return;
    }
    this.#perAddress.set(address, count + 1);
    socket.once('close', () => {
      const left = (this.#perAddress.get(address) ?? 1) - 1;
      if (left === 0) this.#perAddress.delete(address);
      else this.#perAddress.set(address, left);
    });
  }
}

function splitTarget(target: string): { readonly path: string; readonly query: URLSearchParams } {
  if (!target.startsWith('/')) throw new ApiError('BAD_REQUEST', 'the path has to begin with a slash');
  const at = target.indexOf('?');
  return at < 0
    ? { path: target, query: new URLSearchParams() }
    : { path: target.slice(0, at), query: new URLSearchParams(target.slice(at + 1)) };
}

/** Numbers where the schema wants them. @throws ApiError INVALID for a parameter that the route does not have, or twice */
function readQuery(route: Route, query: URLSearchParams): Readonly<Record<string, string | number>> {
  const values: Record<string, string | number> = {};
  for (const [name, text] of query) {
    const known = route.parameters?.find((parameter) => parameter.in === 'query' && parameter.name === name);
    const shown = JSON.stringify(name.slice(0, 60));
    if (known === undefined) throw new ApiError('INVALID', `there is no parameter ${shown} here`);
    if (Object.hasOwn(values, name)) throw new ApiError('INVALID', `the parameter ${shown} is there twice`);
    values[name] = known.schema['type'] === 'integer' && /^-?\d{1,16}$/.test(text) ? Number(text) : text;
  }
  return values;
}

/** Nothing here is for a browser's cache, for another page, or to be looked at as a page. */
const commonHeaders = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
} as const;

function writeAnswer(response: ServerResponse, answer: Answer): void {
  for (const [name, value] of Object.entries(commonHeaders)) response.setHeader(name, value);
  if ('write' in answer) {
    answer.write(response);
    return;
  }
  const [text, type] =
    'json' in answer
      ? [JSON.stringify(answer.json), 'application/json; charset=utf-8']
      : 'text' in answer
        ? [answer.text, answer.type]
        : ['', undefined];
  response.writeHead(answer.status ?? 200, {
    ...(type === undefined ? {} : { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) }),
  });
  response.end(text);
}

function writeError(request: IncomingMessage, response: ServerResponse, error: ApiError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const [name, value] of Object.entries(error.options.headers ?? {})) response.setHeader(name, value);
  // What is left of its body is not read.
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
  if (!request.complete && (length !== '0' || encoding !== undefined)) response.setHeader('Connection', 'close');
  writeAnswer(response, { status: error.status, json: error.body });
}

/** What is no HTTP, or comes too slowly, has no request that could be answered. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const code = clientErrors[error.code ?? ''] ?? 'BAD_REQUEST';
  const answer = new ApiError(code);
  const text = JSON.stringify(answer.body);
  socket.end(
    `HTTP/1.1 ${answer.status} ${code}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    () => socket.destroySoon(),
  );
}

const clientErrors: Readonly<Record<string, ApiError['code']>> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'TIMEOUT',
};

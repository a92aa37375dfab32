import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Clock, SealaneError, SUBPROTOCOL } from '@sealane/types';
import type { FairQueue } from './fair-queue.js';
import { answerSocket, type HttpAnswer } from './http-answer.js';
import type { RelayLimits } from './limits.js';
import type { RelayAddress, RelayListenOptions } from './options.js';
import { readProxyHeader } from './proxy-header-reader.js';
import { startsAsProxyHeader } from './proxy-protocol.js';
import type { Reporter } from './refusals.js';
import type { SocketLimits } from './socket-limits.js';
import type { SocketRefusal } from './socket-refusal.js';
import { TokenBucket } from './token-bucket.js';
import type { WebSocketDoor } from './websocket-door.js';

const CHECK_INTERVAL_MS = 1_000;
/** Refusals that are told. In a flood of them an answer costs more than the connection did: the others are reset. */
const ANSWERS_PER_SECOND = 100;

export interface RelayHttpServerOptions {
  readonly limits: RelayLimits;
  readonly clock: Clock;
  readonly sockets: SocketLimits;
  readonly door: WebSocketDoor;
  /** Where new connections wait for their turn. */
  readonly arrivals: FairQueue;
  readonly reporter: Reporter;
  /** Connections of trusted proxies begin with PROXY data, all of them. */
  readonly proxyProtocol: boolean;
}

/** An HTTP server with a relay's limits, for a relay that listens itself. */
export function createRelayHttpServer(options: RelayHttpServerOptions): Server {
  const { limits, sockets, reporter } = options;
  const server = createServer(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.headersTimeoutMs,
      keepAliveTimeout: CHECK_INTERVAL_MS,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
    },
    (request, response) => {
      const { status, code, text, headers } = notWebSocket;
      reporter.refused(code, 'http');
      request.resume();
      response.writeHead(status, { Connection: 'close', 'Content-Type': 'text/plain; charset=utf-8', ...headers });
      response.end(`${code}: ${text}\n`);
    },
  );
  takeConnections(server, options);
  // Somebody takes the relay for a proxy. Without a listener Node hangs up.
  server.on('connect', (_request, socket) => {
    reporter.refused(notWebSocket.code, 'http');
    answerSocket(socket, notWebSocket);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const isProxyData = beginsWithProxyData(error);
    if (isProxyData) sockets.noteProxyData(socket as Socket);
    const [status, code] = isProxyData ? [400, 'PROXY_DATA'] : (clientErrors[error.code ?? ''] ?? [400, 'BAD_REQUEST']);
    reporter.refused(code, 'http');
    const text = isProxyData ? 'PROXY data is not taken from this address' : 'the request cannot be read';
    answerSocket(socket, { status, code, text });
  });
  return server;
}

const notWebSocket = {
  status: 426,
  code: 'NOT_WEBSOCKET',
  text: 'this is a Sealane relay; connect to it with a WebSocket',
  headers: { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': SUBPROTOCOL },
} as const satisfies HttpAnswer;

const clientErrors: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'HEADERS_TOO_LARGE'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'HEADERS_TIMEOUT'],
};

/**
 * Every connection is counted first, and then waits unread for its turn. HTTP sees one that begins with PROXY data when
 * that is read.
 */
function takeConnections(server: Server, options: RelayHttpServerOptions): void {
  const { clock, sockets, door, reporter, arrivals } = options;
  const listeners = server.listeners('connection');
  const answers = new TokenBucket(ANSWERS_PER_SECOND, ANSWERS_PER_SECOND, clock.nowMs());
  const serve = (socket: Socket): void => {
    for (const listener of listeners) listener.call(server, socket);
    socket.resume();
  };
  const refuse = (socket: Socket, refusal: SocketRefusal): void => {
    if (answers.tryTake(clock.nowMs())) {
      // HTTP reads what is sent meanwhile, so that no reset overtakes the answer.
      door.refuseSocket(socket, refusal);
      serve(socket);
    } else {
      reporter.refused(refusal.code, 'socket');
      // Its peer may be gone already.
      socket.on('error', ignore);
      socket.resetAndDestroy();
    }
  };
  server.removeAllListeners('connection');
  // An option of net.Server that http.createServer does not pass on.
  Object.assign(server, { pauseOnConnect: true });
  server.on('connection', (socket: Socket) => {
    // Reset before it was taken, as the checks of some proxies are: nobody is there any more, and it has no address.
    if (socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const refusal = sockets.admit(socket);
    if (refusal !== undefined) {
      refuse(socket, refusal);
      return;
    }
    let leave: (() => void) | undefined;
    let hasBegun = false;
    const begin = (): void => {
      hasBegun = true;
      // Nothing of its wait is kept.
      if (leave !== undefined) socket.off('close', leave);
      if (socket.destroyed) return;
      if (options.proxyProtocol && sockets.isTrustedProxy(socket)) takeProxyHeader(socket, serve, options);
      else serve(socket);
    };
    leave = arrivals.submit(begin, sockets.originOf(socket)?.usage);
    if (!hasBegun) socket.once('close', leave);
  });
}

const ignore = (): void => undefined;

function takeProxyHeader(socket: Socket, serve: (socket: Socket) => void, options: RelayHttpServerOptions): void {
  const { limits, clock, sockets, door, reporter } = options;
  readProxyHeader(socket, {
    clock,
    timeoutMs: limits.headersTimeoutMs,
    onHeader: ({ source }) => {
      const late = sockets.passedOn(socket, source);
      if (late !== undefined) door.refuseSocket(socket, late);
      serve(socket);
    },
    onFailure: (reason) => {
      reporter.refused('PROXY_HEADER', 'socket');
      if (reason !== undefined) sockets.noteProxyData(socket, reason);
      socket.destroy();
    },
  });
}

/** What a parser of HTTP stumbles over in PROXY data of either version. */
function beginsWithProxyData(error: NodeJS.ErrnoException & { readonly rawPacket?: unknown }): boolean {
  const { rawPacket } = error;
  if (!(rawPacket instanceof Uint8Array)) return false;
  return startsAsProxyHeader(rawPacket) || Buffer.from(rawPacket.subarray(0, 6)).toString('latin1') === 'PROXY ';
}

/** @throws ERR_LISTEN */
export async function listen(server: Server, options: RelayListenOptions, reporter: Reporter): Promise<RelayAddress> {
  await new Promise<void>((resolve, reject) => {
    const onError = (error: Error): void => {
      reject(
        new SealaneError(
          'ERR_LISTEN',
          `${urlHost(options.host)}:${options.port} cannot be listened on: ${error.message}`,
          {
            cause: error,
          },
        ),
      );
    };
    server.once('error', onError);
    server.listen({ host: options.host, port: options.port, backlog: 1_024 }, () => {
      server.off('error', onError);
      // accept() fails for a while when the process is out of file descriptors; the relay keeps what it has.
      server.on('error', (error: NodeJS.ErrnoException) => reporter.refused(error.code ?? 'ACCEPT_FAILED', 'socket'));
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  return { host: options.host, port, url: `ws://${urlHost(options.host)}:${port}` };
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

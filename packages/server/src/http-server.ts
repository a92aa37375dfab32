import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SealaneError, SUBPROTOCOL } from '@sealane/types';
import { answerSocket } from './http-answer.js';
import type { RelayLimits } from './limits.js';
import type { RelayAddress, RelayListenOptions } from './options.js';
import type { Reporter } from './refusals.js';
import type { SocketLimits } from './socket-limits.js';
import type { WebSocketDoor } from './websocket-door.js';

const CHECK_INTERVAL_MS = 1_000;

/** An HTTP server with a relay's limits, for a relay that listens itself. */
export function createRelayHttpServer(
  limits: RelayLimits,
  sockets: SocketLimits,
  door: WebSocketDoor,
  reporter: Reporter,
): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.headersTimeoutMs,
      keepAliveTimeout: CHECK_INTERVAL_MS,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
    },
    (request, response) => {
      reporter.refused('NOT_WEBSOCKET', 'http');
      request.resume();
      response.writeHead(426, {
        Connection: 'close',
        Upgrade: 'websocket',
        'Sec-WebSocket-Protocol': SUBPROTOCOL,
        'Content-Type': 'text/plain; charset=utf-8',
      });
      response.end('NOT_WEBSOCKET: this is a Sealane relay; connect to it with a WebSocket\n');
    },
  );
  server.prependListener('connection', (socket) => {
    const refusal = sockets.admit(socket);
    if (refusal !== undefined) door.refuseSocket(socket, refusal);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const [status, code] = clientErrors[error.code ?? ''] ?? [400, 'BAD_REQUEST'];
    reporter.refused(code, 'http');
    answerSocket(socket, { status, code, text: 'the request cannot be read' });
  });
  return server;
}

const clientErrors: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'HEADERS_TOO_LARGE'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'HEADERS_TIMEOUT'],
};

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

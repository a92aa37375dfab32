import type { IncomingMessage, Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { MemoryBudget } from '@sealane/mux';
import { selectSubprotocol, UNSUPPORTED_VERSION_STATUS } from '@sealane/protocol';
import { ProtocolSize, SUBPROTOCOL } from '@sealane/types';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { answerSocket, type HttpAnswer } from './http-answer.js';
import type { RelayLimits } from './limits.js';
import type { Reporter } from './refusals.js';
import type { SocketLimits, SocketRefusal } from './socket-limits.js';
import { WebSocketLink } from './websocket-link.js';

export interface WebSocketDoorOptions {
  readonly limits: RelayLimits;
  readonly sockets: SocketLimits;
  readonly reporter: Reporter;
  readonly budget: MemoryBudget;
  /** A new link; what is returned says whether it is still before AUTH. */
  readonly onLink: (link: WebSocketLink, socket: Socket) => { readonly isUp: boolean };
}

/** What a message may need in frames, headers and reads beyond its own bytes. */
const EARLY_SLACK_BYTES = 256;
/** A message in more pieces than this holds more memory in bookkeeping than in bytes. */
const MAX_FRAGMENTS = 64;
const MAX_BUFFERED_CHUNKS = 8_192;
const CLOSE_TIMEOUT_MS = 5_000;

/** Turns HTTP upgrades into links, and everything else into a clear HTTP answer. */
export class WebSocketDoor {
  readonly #options: WebSocketDoorOptions;
  readonly #webSockets: WebSocketServer;

  constructor(options: WebSocketDoorOptions) {
    this.#options = options;
    const settings: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: ProtocolSize.MESSAGE,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_BUFFERED_CHUNKS,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: (offered) => selectSubprotocol(offered) ?? false,
    };
    this.#webSockets = new WebSocketServer(settings);
  }

  /** Takes upgrades to `path`. Others are refused only if nobody else listens for them. */
  attach(server: Server | SecureServer, path: string): () => void {
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
      if (request.url?.split('?', 1)[0] === path) this.#upgrade(request, socket as Socket, head);
      else if (server.listenerCount('upgrade') === 1) {
        this.#refuse(socket, { status: 404, code: 'NOT_FOUND', text: 'there is no relay at this path' });
      }
    };
    server.on('upgrade', onUpgrade);
    return () => server.off('upgrade', onUpgrade);
  }

  /** Answers a TCP connection that the limits do not let in. */
  refuseSocket(socket: Duplex, refusal: SocketRefusal): void {
    const status = refusal === 'SOCKETS' ? 503 : 429;
    this.#options.reporter.refused(refusal, 'socket');
    answerSocket(socket, { status, code: refusal, text: 'too many connections', headers: { 'Retry-After': '1' } });
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const refusal = this.#options.sockets.readmit(socket, request.headers);
    if (refusal !== undefined) {
      this.refuseSocket(socket, refusal);
      return;
    }
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((text) => text.trim());
    if (selectSubprotocol(offered) === undefined) {
      this.#refuse(socket, {
        status: UNSUPPORTED_VERSION_STATUS,
        code: 'VERSION',
        text: `this relay speaks the WebSocket subprotocol ${SUBPROTOCOL}`,
        headers: { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': SUBPROTOCOL },
      });
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#open(webSocket, socket));
  }

  #open(webSocket: WebSocket, socket: Socket): void {
    const { limits, sockets, reporter, budget, onLink } = this.#options;
    socket.setNoDelay(true);
    const link = new WebSocketLink(webSocket, socket, { lowMarkBytes: limits.maxQueuedBytes / 2, budget });
    const state = onLink(link, socket);
    const atMost = socket.bytesRead + ProtocolSize.PRE_AUTH + EARLY_SLACK_BYTES;
    // Counted on the socket: a WebSocket message is known only when it is whole, and may be cut into many frames.
    const count = (): void => {
      if (state.isUp) {
        socket.off('data', count);
        sockets.authenticated(socket);
      } else if (socket.bytesRead > atMost) {
        reporter.refused('EARLY_BYTES', 'auth');
        socket.destroy();
      }
    };
    socket.on('data', count);
  }

  #refuse(socket: Duplex, answer: HttpAnswer): void {
    this.#options.reporter.refused(answer.code, 'http');
    answerSocket(socket, answer);
  }
}

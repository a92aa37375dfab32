import type { IncomingMessage, Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { selectSubprotocol, UNSUPPORTED_VERSION_STATUS } from '@sealane/protocol';
import { type Clock, ProtocolSize, RelayCode, relayError, type SealaneError, SUBPROTOCOL } from '@sealane/types';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { drainAndDestroy } from './drain-and-destroy.js';
import { answerSocket, type HttpAnswer } from './http-answer.js';
import type { RelayLimits } from './limits.js';
import type { Reporter } from './refusals.js';
import type { SocketLimits, SocketOrigin } from './socket-limits.js';
import type { SocketMemory } from './socket-memory.js';
import type { SocketRefusal } from './socket-refusal.js';
import { WebSocketLink } from './websocket-link.js';

export interface WebSocketDoorOptions {
  readonly limits: RelayLimits;
  readonly clock: Clock;
  readonly sockets: SocketLimits;
  readonly reporter: Reporter;
  readonly memory: SocketMemory;
  /** A new link; `onUp` is to be called once it is authenticated. */
  readonly onLink: (link: WebSocketLink, onUp: () => void, origin: SocketOrigin | undefined) => DoorLink;
}

/** What the door needs of a link. */
export interface DoorLink {
  /** Tells the client why its socket goes now. */
  dismiss(error: SealaneError): void;
}

/** What a message may need in frames, headers and reads beyond its own bytes. */
const EARLY_SLACK_BYTES = 256;
/** A message in more pieces than this holds more memory in bookkeeping than in bytes. */
const MAX_FRAGMENTS = 64;
const MAX_BUFFERED_CHUNKS = 2_048;
const CLOSE_TIMEOUT_MS = 5_000;

/** Turns HTTP upgrades into links, and everything else into a clear HTTP answer. */
export class WebSocketDoor {
  readonly #options: WebSocketDoorOptions;
  readonly #webSockets: WebSocketServer;
  readonly #open = new Set<WebSocketLink>();
  #emptyWaiters: (() => void)[] = [];

  constructor(options: WebSocketDoorOptions) {
    this.#options = options;
    const settings: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      autoPong: false,
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

  /** Resolves when no WebSocket is left. */
  whenEmpty(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#emptyWaiters.push(resolve));
  }

  /** Ends the WebSockets that are left, without a word. */
  abortAll(): void {
    for (const link of [...this.#open]) link.abort('shutting down');
  }

  /** Answers a TCP connection that the limits do not let in. */
  refuseSocket(socket: Duplex, refusal: SocketRefusal): void {
    this.#options.reporter.refused(refusal.code, 'socket');
    answerSocket(socket, refusal);
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
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#start(webSocket, socket));
  }

  #start(webSocket: WebSocket, socket: Socket): void {
    const { limits, clock, sockets, reporter, memory, onLink } = this.#options;
    socket.setNoDelay(true);
    const link = new WebSocketLink(webSocket, socket, {
      lowMarkBytes: () => limits.maxQueuedBytes / 2,
      memory,
      onRefused: (code) => reporter.refused(code, 'socket'),
    });
    this.#open.add(link);
    webSocket.once('close', () => {
      this.#open.delete(link);
      if (this.#open.size > 0) return;
      for (const resolve of this.#emptyWaiters.splice(0)) resolve();
    });
    const atMost = socket.bytesRead + ProtocolSize.PRE_AUTH + EARLY_SLACK_BYTES;
    // Counted on the socket: a WebSocket message is known only when it is whole, and may be cut into many frames.
    const count = (): void => {
      if (socket.bytesRead <= atMost) return;
      socket.off('data', count);
      reporter.refused('EARLY_BYTES', 'auth');
      state.dismiss(relayError(RelayCode.LIMIT, 'too many bytes before AUTH'));
      drainAndDestroy(socket, clock);
    };
    const onUp = (): void => {
      socket.off('data', count);
      sockets.authenticated(socket);
    };
    const state = onLink(link, onUp, sockets.originOf(socket));
    socket.on('data', count);
    sockets.onDrop(socket, (error) => state.dismiss(error));
  }

  #refuse(socket: Duplex, answer: HttpAnswer): void {
    this.#options.reporter.refused(answer.code, 'http');
    answerSocket(socket, answer);
  }
}

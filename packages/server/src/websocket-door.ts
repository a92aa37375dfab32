import { createHash } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { webSocketSettings } from '@sealane/mux/node';
import { selectSubprotocol, UNSUPPORTED_VERSION_STATUS } from '@sealane/protocol';
import { type Clock, ProtocolSize, RelayCode, relayError, SUBPROTOCOL } from '@sealane/types';
import { drainAndDestroy } from './drain-and-destroy.js';
import type { FairQueue } from './fair-queue.js';
import { answerSocket, type HttpAnswer } from './http-answer.js';
import type { RelayLimits } from './limits.js';
import type { Reporter } from './refusals.js';
import type { Dismissed, SocketLimits, SocketOrigin } from './socket-limits.js';
import type { SocketMemory } from './socket-memory.js';
import type { SocketRefusal } from './socket-refusal.js';
import { WebSocketLink, type WebSocketLinkOptions } from './websocket-link.js';

export interface WebSocketDoorOptions {
  readonly limits: RelayLimits;
  readonly clock: Clock;
  readonly sockets: SocketLimits;
  readonly reporter: Reporter;
  readonly memory: SocketMemory;
  /** Charged with what it takes to open a link. */
  readonly arrivals: FairQueue;
  /** A new link; `onUp` is to be called once it is authenticated. */
  readonly onLink: (link: WebSocketLink, onUp: () => void, origin: SocketOrigin | undefined) => Dismissed;
}

/** What a message may need in frames, headers and reads beyond its own bytes. */
const EARLY_SLACK_BYTES = 256;
const NO_BYTES: Uint8Array = new Uint8Array(0);
const CLOSE_TIMEOUT_MS = 5_000;
/** RFC 6455 section 1.3. */
const acceptSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** Base64 of 16 bytes. */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/;

/** Turns HTTP upgrades into links, and everything else into a clear HTTP answer. */
export class WebSocketDoor {
  readonly #options: WebSocketDoorOptions;
  readonly #linkOptions: WebSocketLinkOptions;
  readonly #open = new Set<WebSocketLink>();
  #emptyWaiters: (() => void)[] = [];

  constructor(options: WebSocketDoorOptions) {
    this.#options = options;
    const { limits, memory, reporter } = options;
    this.#linkOptions = {
      settings: webSocketSettings({
        mask: 'none',
        maxMessageBytes: ProtocolSize.MESSAGE,
        lowMarkBytes: () => limits.maxQueuedBytes / 2,
        closeWaitMs: CLOSE_TIMEOUT_MS,
      }),
      memory,
      onRefused: (code) => reporter.refused(code, 'socket'),
      onOver: (link) => this.#forget(link),
    };
  }

  /** Takes upgrades to `path`. Others are refused only if nobody else listens for them. */
  attach(server: Server | SecureServer, path: string): () => void {
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
      if (request.url?.split('?', 1)[0] === path) {
        this.#options.arrivals.measure(() => this.#upgrade(request, socket as Socket, head));
      } else if (server.listenerCount('upgrade') === 1) {
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
    const subprotocol = selectSubprotocol(offered);
    if (subprotocol === undefined) {
      this.#refuse(socket, {
        status: UNSUPPORTED_VERSION_STATUS,
        code: 'VERSION',
        text: `this relay speaks the WebSocket subprotocol ${SUBPROTOCOL}`,
        headers: { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': SUBPROTOCOL },
      });
      return;
    }
    const fault = upgradeFault(request);
    if (fault !== undefined) {
      this.#refuse(socket, { status: 400, code: 'WEBSOCKET', text: fault, headers: { 'Sec-WebSocket-Version': '13' } });
      return;
    }
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return;
    }
    // The answer and HELLO leave in one piece.
    socket.cork();
    acceptWebSocket(request, socket, subprotocol);
    this.#start(socket, head);
    socket.uncork();
  }

  #start(socket: Socket, upgradeHead: Buffer): void {
    // Empty as it is, it would keep the whole request alive whose end it is.
    const head = upgradeHead.length === 0 ? NO_BYTES : upgradeHead;
    const { clock, sockets, reporter, onLink } = this.#options;
    socket.setNoDelay(true);
    const link = new WebSocketLink(socket, head, this.#linkOptions);
    this.#open.add(link);
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
    // Before the WebSocket's own listener, which may find worse: this is what the client is told.
    socket.on('data', count);
    const state = onLink(link, onUp, sockets.originOf(socket));
    sockets.onDrop(socket, state);
  }

  #forget(link: WebSocketLink): void {
    this.#open.delete(link);
    if (this.#open.size > 0) return;
    for (const resolve of this.#emptyWaiters.splice(0)) resolve();
  }

  #refuse(socket: Duplex, answer: HttpAnswer): void {
    this.#options.reporter.refused(answer.code, 'http');
    answerSocket(socket, answer);
  }
}

/** What an upgrade request to a WebSocket lacks (RFC 6455 section 4.2.1); undefined for one that is right. */
function upgradeFault(request: IncomingMessage): string | undefined {
  const { headers } = request;
  if (request.method !== 'GET') return 'a WebSocket is asked for with GET';
  if (headers.upgrade?.toLowerCase() !== 'websocket') return 'the upgrade is to something else than a WebSocket';
  if (!keyPattern.test(headers['sec-websocket-key'] ?? '')) return 'the Sec-WebSocket-Key is missing or wrong';
  if (headers['sec-websocket-version'] !== '13') return 'the version of the WebSocket is not 13';
  return undefined;
}

/** Answers an upgrade request without a fault; no extension is taken. */
function acceptWebSocket(request: IncomingMessage, socket: Socket, subprotocol: string): void {
  const key = request.headers['sec-websocket-key'] ?? '';
  const accept = createHash('sha1').update(`${key}${acceptSuffix}`).digest('base64');
  const head = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    `Sec-WebSocket-Protocol: ${subprotocol}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`, 'latin1');
}

import type { Socket } from 'node:net';
import { WebSocketConnection } from '@sealane/mux/node';
import { WebSocketCloseCode } from '@sealane/protocol/websocket';
import { type MessageLink, type MessageLinkHandler, ProtocolSize } from '@sealane/types';
import type { SocketHolder, SocketMemory } from './socket-memory.js';

export interface WebSocketLinkOptions {
  /** What was read of the socket already. */
  readonly head: Uint8Array;
  /** `onDrain` comes when the queue falls below this. */
  readonly lowMarkBytes: () => number;
  /** How long the client may take to answer a CLOSE. */
  readonly closeWaitMs: number;
  /** Charged with what waits in the socket and with messages that are not whole, beside what waits in windows. */
  readonly memory: SocketMemory;
  /** Something that ended the socket and is counted nowhere else: its name, for the statistics. */
  readonly onRefused: (code: string) => void;
}

/** What a read costs beside its bytes while a message waits for its rest. */
const READ_OVERHEAD_BYTES = 512;

/** A server's end of an open WebSocket as a {@link MessageLink}. Binary messages only. */
export class WebSocketLink implements MessageLink, SocketHolder {
  readonly #connection: WebSocketConnection;
  readonly #memory: SocketMemory;
  readonly #onRefused: (code: string) => void;
  #heldCharge = 0;
  #isOver = false;

  /** The socket after its upgrade was answered. */
  constructor(socket: Socket, options: WebSocketLinkOptions) {
    const { head, lowMarkBytes, closeWaitMs } = options;
    this.#memory = options.memory;
    this.#onRefused = options.onRefused;
    this.#connection = new WebSocketConnection({
      socket,
      head,
      mask: 'none',
      maxMessageBytes: ProtocolSize.MESSAGE,
      lowMarkBytes,
      closeWaitMs,
      observer: {
        onQueued: (deltaBytes) => this.#onQueued(deltaBytes),
        onHeld: (bytes, reads) => this.#onHeld(bytes + reads * READ_OVERHEAD_BYTES),
        onViolation: (code) => this.#onRefused(code === WebSocketCloseCode.UNSUPPORTED ? 'TEXT_MESSAGE' : 'WEBSOCKET'),
      },
    });
  }

  start(handler: MessageLinkHandler): void {
    this.#connection.start({
      onMessage: (message) => handler.onMessage(message),
      ...(handler.onParts === undefined ? {} : { onParts: (parts) => handler.onParts?.(parts) }),
      onDrain: () => handler.onDrain(),
      onEnd: (end) => {
        if (!this.#isOver) this.#memory.forget(this);
        this.#isOver = true;
        handler.onEnd(end);
      },
    });
  }

  send(message: Uint8Array): void {
    this.#connection.send(message);
  }

  sendParts(parts: readonly Uint8Array[], bytes: number): void {
    this.#connection.sendParts(parts, bytes);
  }

  get queuedBytes(): number {
    return this.#connection.queuedBytes;
  }

  /** Counts what arrived on the socket, so that a large message that is still arriving is progress. */
  get receivedBytes(): number {
    return this.#connection.receivedBytes;
  }

  get sentBytes(): number {
    return this.#connection.sentBytes;
  }

  close(code?: number, reason?: string): void {
    this.#connection.close(code, reason);
  }

  abort(reason?: string): void {
    this.#connection.abort(reason);
  }

  /** Ends the socket because sockets hold too much and this one has stood still for longest. */
  drop(): void {
    this.#isOver = true;
    this.#onRefused('SOCKET_MEMORY');
    this.abort('the relay is short of memory and the socket stood still');
  }

  #charge(delta: number): void {
    if (!this.#isOver) this.#memory.change(this, delta);
  }

  #onQueued(deltaBytes: number): void {
    this.#charge(deltaBytes);
    // A peer that takes our pings while its own message stands still makes no progress.
    if (deltaBytes < 0 && this.#heldCharge === 0) this.#memory.progress(this);
  }

  #onHeld(charge: number): void {
    if (charge === this.#heldCharge) return;
    const delta = charge - this.#heldCharge;
    this.#heldCharge = charge;
    this.#charge(delta);
    if (charge === 0 && this.queuedBytes === 0) this.#memory.progress(this);
  }
}

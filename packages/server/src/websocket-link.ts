import type { Socket } from 'node:net';
import type { Placed } from '@sealane/mux';
import { WebSocketConnection, type WebSocketObserver, type WebSocketSettings } from '@sealane/mux/node';
import { WebSocketCloseCode } from '@sealane/protocol/websocket';
import type { MessageLink, MessageLinkHandler } from '@sealane/types';
import type { SocketHolder, SocketMemory } from './socket-memory.js';

/** What all links of a relay have in common. */
export interface WebSocketLinkOptions {
  readonly settings: WebSocketSettings;
  /** Charged with what waits in the socket and with messages that are not whole, beside what waits in windows. */
  readonly memory: SocketMemory;
  /** Something that ended the socket and is counted nowhere else: its name, for the statistics. */
  readonly onRefused: (code: string) => void;
  /** The socket is closed. */
  readonly onOver: (link: WebSocketLink) => void;
}

/** What a read costs beside its bytes while a message waits for its rest. */
const READ_OVERHEAD_BYTES = 512;

/** A server's end of an open WebSocket as a {@link MessageLink}. Binary messages only. */
export class WebSocketLink implements MessageLink, SocketHolder, WebSocketObserver {
  readonly #connection: WebSocketConnection;
  readonly #options: WebSocketLinkOptions;
  heldBytes = 0;
  before: Placed | undefined;
  after: Placed | undefined;
  #heldCharge = 0;
  #isOver = false;

  /** The socket after its upgrade was answered; `head` is what was read of it already. */
  constructor(socket: Socket, head: Uint8Array, options: WebSocketLinkOptions) {
    this.#options = options;
    this.#connection = new WebSocketConnection(socket, head, options.settings, this);
  }

  start(handler: MessageLinkHandler): void {
    this.#connection.start(handler);
  }

  send(message: Uint8Array): void {
    this.#connection.send(message);
  }

  sendParts(parts: readonly Uint8Array[], bytes: number, isLast?: boolean): void {
    this.#connection.sendParts(parts, bytes, isLast);
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
    this.#options.onRefused('SOCKET_MEMORY');
    this.abort('the relay is short of memory and the socket stood still');
  }

  /** @internal */
  onQueued(deltaBytes: number): void {
    this.#charge(deltaBytes);
    // A peer that takes our pings while its own message stands still makes no progress.
    if (deltaBytes < 0 && this.#heldCharge === 0) this.#options.memory.progress(this);
  }

  /** @internal */
  onHeld(bytes: number, reads: number): void {
    const charge = bytes + reads * READ_OVERHEAD_BYTES;
    if (charge === this.#heldCharge) return;
    const delta = charge - this.#heldCharge;
    this.#heldCharge = charge;
    this.#charge(delta);
    if (charge === 0 && this.queuedBytes === 0) this.#options.memory.progress(this);
  }

  /** @internal */
  onViolation(code: number): void {
    this.#options.onRefused(code === WebSocketCloseCode.UNSUPPORTED ? 'TEXT_MESSAGE' : 'WEBSOCKET');
  }

  /** @internal */
  onOver(): void {
    if (!this.#isOver) this.#options.memory.forget(this);
    this.#isOver = true;
    this.#options.onOver(this);
  }

  #charge(delta: number): void {
    if (!this.#isOver) this.#options.memory.change(this, delta);
  }
}

import type { Socket } from 'node:net';
import type { LinkEnd, MessageLink, MessageLinkHandler } from '@sealane/types';
import type { RawData, WebSocket } from 'ws';
import { MessageProgress } from './message-progress.js';
import type { SocketHolder, SocketMemory } from './socket-memory.js';

export interface WebSocketLinkOptions {
  /** `onDrain` comes when the queue falls below this. */
  readonly lowMarkBytes: () => number;
  /** Charged with what waits in the socket and with messages that are not whole, beside what waits in windows. */
  readonly memory: SocketMemory;
  /** Something that ended the socket and is counted nowhere else: its name, for the statistics. */
  readonly onRefused: (code: string) => void;
}

/** What a read costs beside its bytes while a message waits for its rest. */
const READ_OVERHEAD_BYTES = 512;

/** A server's end of an open WebSocket as a {@link MessageLink}. Binary messages only. */
export class WebSocketLink implements MessageLink, SocketHolder {
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #lowMarkBytes: () => number;
  readonly #memory: SocketMemory;
  readonly #onRefused: (code: string) => void;
  readonly #progress = new MessageProgress();
  #progressCharge = 0;
  #isOver = false;
  #handler: MessageLinkHandler | undefined;
  #queuedBytes = 0;
  #sentBytes = 0;
  #failure: string | undefined;

  constructor(webSocket: WebSocket, socket: Socket, options: WebSocketLinkOptions) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#lowMarkBytes = options.lowMarkBytes;
    this.#memory = options.memory;
    this.#onRefused = options.onRefused;
  }

  start(handler: MessageLinkHandler): void {
    this.#handler = handler;
    this.#webSocket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    // Who pings and does not read gets no queue of answers.
    this.#webSocket.on('ping', (data) => {
      if (this.#webSocket.bufferedAmount < this.#lowMarkBytes()) this.#webSocket.pong(data);
    });
    // A 'close' event always follows.
    this.#webSocket.on('error', (error) => {
      this.#failure ??= error.message;
      if ('code' in error && String(error.code).startsWith('WS_ERR_')) this.#onRefused('WEBSOCKET');
    });
    // After the WebSocket's own listener, which has taken the whole messages out by then.
    this.#socket.on('data', (chunk: Buffer) => this.#countUnfinished(chunk));
    this.#webSocket.on('close', (code, reason) => this.#end(code, reason));
  }

  send(message: Uint8Array): void {
    if (this.#handler === undefined || this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    const length = message.byteLength;
    this.#queuedBytes += length;
    this.#charge(length);
    this.#webSocket.send(message, (error) => {
      const before = this.#queuedBytes;
      this.#queuedBytes -= length;
      this.#charge(-length);
      if (error !== undefined && error !== null) return;
      this.#sentBytes += length;
      // A peer that takes our pings while its own message stands still makes no progress.
      if (this.#progressCharge === 0) this.#memory.progress(this);
      const lowMarkBytes = this.#lowMarkBytes();
      if (before >= lowMarkBytes && this.#queuedBytes < lowMarkBytes) this.#handler?.onDrain();
    });
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Counts what arrived on the socket, so that a large message that is still arriving is progress. */
  get receivedBytes(): number {
    return this.#socket.bytesRead;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  close(code = 1000, reason = ''): void {
    this.#webSocket.close(code, reason);
  }

  abort(reason?: string): void {
    this.#failure ??= reason;
    this.#webSocket.terminate();
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

  #countUnfinished(chunk: Uint8Array): void {
    const progress = this.#progress;
    progress.push(chunk);
    const charge = progress.heldBytes + progress.reads * READ_OVERHEAD_BYTES;
    if (charge === this.#progressCharge) return;
    const delta = charge - this.#progressCharge;
    this.#progressCharge = charge;
    this.#charge(delta);
    if (charge === 0 && this.#queuedBytes === 0) this.#memory.progress(this);
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (!isBinary || !(data instanceof Uint8Array)) {
      this.#failure ??= 'a text message';
      this.#onRefused('TEXT_MESSAGE');
      this.#webSocket.close(1003, 'binary messages only');
      return;
    }
    // Not as a Buffer, whose slice() is no copy.
    this.#handler?.onMessage(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  #end(code: number, reason: Buffer): void {
    if (!this.#isOver) this.#memory.forget(this);
    this.#isOver = true;
    const handler = this.#handler;
    this.#handler = undefined;
    const end: LinkEnd = {
      clean: this.#failure === undefined && code !== 1006,
      code,
      reason: this.#failure ?? reason.toString('utf8'),
    };
    handler?.onEnd(end);
  }
}

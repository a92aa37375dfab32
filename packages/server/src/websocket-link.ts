import type { Socket } from 'node:net';
import type { MemoryBudget } from '@sealane/mux';
import type { LinkEnd, MessageLink, MessageLinkHandler } from '@sealane/types';
import type { RawData, WebSocket } from 'ws';

export interface WebSocketLinkOptions {
  /** `onDrain` comes when the queue falls below this. */
  readonly lowMarkBytes: number;
  /** Charged with what waits in the socket, beside what waits in windows. */
  readonly budget: MemoryBudget;
}

/** A server's end of an open WebSocket as a {@link MessageLink}. Binary messages only. */
export class WebSocketLink implements MessageLink {
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #lowMarkBytes: number;
  readonly #budget: MemoryBudget;
  #handler: MessageLinkHandler | undefined;
  #queuedBytes = 0;
  #sentBytes = 0;
  #failure: string | undefined;

  constructor(webSocket: WebSocket, socket: Socket, options: WebSocketLinkOptions) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#lowMarkBytes = options.lowMarkBytes;
    this.#budget = options.budget;
  }

  start(handler: MessageLinkHandler): void {
    this.#handler = handler;
    this.#webSocket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    // A 'close' event always follows.
    this.#webSocket.on('error', (error) => {
      this.#failure ??= error.message;
    });
    this.#webSocket.on('close', (code, reason) => this.#end(code, reason));
  }

  send(message: Uint8Array): void {
    if (this.#handler === undefined || this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    const length = message.byteLength;
    this.#queuedBytes += length;
    this.#budget.take(length);
    this.#webSocket.send(message, (error) => {
      const before = this.#queuedBytes;
      this.#queuedBytes -= length;
      this.#budget.release(length);
      if (error !== undefined && error !== null) return;
      this.#sentBytes += length;
      if (before >= this.#lowMarkBytes && this.#queuedBytes < this.#lowMarkBytes) this.#handler?.onDrain();
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

  #receive(data: RawData, isBinary: boolean): void {
    if (!isBinary || !(data instanceof Uint8Array)) {
      this.#failure ??= 'a text message';
      this.#webSocket.close(1003, 'binary messages only');
      return;
    }
    // Not as a Buffer, whose slice() is no copy.
    this.#handler?.onMessage(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  #end(code: number, reason: Buffer): void {
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

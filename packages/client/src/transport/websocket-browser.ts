import { type MessageLink, type MessageLinkHandler, SealaneError } from '@sealane/types';
import type { TransportFactory } from './transport.js';

const LOW_MARK_BYTES = 65_536;
/** Browsers tell no drain, so the queue is looked at while it is above the mark, and only then. */
const DRAIN_LOOK_MS = 4;

/** The WebSocket of the browser. It masks by itself, offers its own compression, and knows no proxies or private CAs. */
export const openWebSocket: TransportFactory = (url, options) =>
  new Promise((resolve, reject) => {
    if (options.signal?.aborted) return reject(aborted(options.signal));
    const socket = new WebSocket(url, [options.subprotocol]);
    socket.binaryType = 'arraybuffer';
    const link = new BrowserLink(socket, options.maxMessageBytes);
    const abort = (): void => {
      socket.close();
      reject(aborted(options.signal));
    };
    options.signal?.addEventListener('abort', abort, { once: true });
    socket.addEventListener('open', () => {
      options.signal?.removeEventListener('abort', abort);
      resolve(link);
    });
    socket.addEventListener('close', (event) => {
      options.signal?.removeEventListener('abort', abort);
      const reason = event.reason === '' ? `code ${event.code}` : event.reason;
      reject(new SealaneError('ERR_LINK_FAILED', `the relay ${url} cannot be reached: ${reason}`, { retryable: true }));
    });
  });

/** The platform's scheduler of work after all input of one turn was read. */
export const deferTurn = (callback: () => void): void => {
  queueMicrotask(callback);
};

function aborted(signal: AbortSignal | undefined): SealaneError {
  return new SealaneError('ERR_ABORTED', undefined, { cause: signal?.reason });
}

class BrowserLink implements MessageLink {
  receivedBytes = 0;
  readonly #socket: WebSocket;
  readonly #maxMessageBytes: number;
  #handler: MessageLinkHandler | undefined;
  #early: Uint8Array[] = [];
  #acceptedBytes = 0;
  #ended = false;
  #reason = '';
  #isWatching = false;

  constructor(socket: WebSocket, maxMessageBytes: number) {
    this.#socket = socket;
    this.#maxMessageBytes = maxMessageBytes;
    socket.addEventListener('message', (event) => this.#onMessage(event.data));
    socket.addEventListener('close', (event) => {
      this.#finish(event.wasClean, event.code, event.reason || this.#reason || 'the connection was closed');
    });
  }

  get queuedBytes(): number {
    return this.#ended ? 0 : this.#socket.bufferedAmount;
  }

  get sentBytes(): number {
    return this.#acceptedBytes - this.queuedBytes;
  }

  start(handler: MessageLinkHandler): void {
    this.#handler = handler;
    const early = this.#early;
    this.#early = [];
    for (const message of early) handler.onMessage(message);
  }

  send(message: Uint8Array): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#acceptedBytes += message.length;
    this.#socket.send(message as Uint8Array<ArrayBuffer>);
    if (!this.#isWatching && this.#socket.bufferedAmount > LOW_MARK_BYTES) this.#watch();
  }

  close(code = 1000, reason = ''): void {
    this.#socket.close(code, reason);
  }

  abort(reason = 'ended here'): void {
    this.#reason = reason;
    this.#socket.close();
    // The close handshake of a dead connection takes a browser a minute; for us it is over now.
    this.#finish(false, 1006, reason);
  }

  #onMessage(data: unknown): void {
    if (this.#ended) return;
    if (!(data instanceof ArrayBuffer)) {
      this.abort('the relay sent text');
      return;
    }
    if (data.byteLength > this.#maxMessageBytes) {
      this.abort('the relay sent more than a message may hold');
      return;
    }
    const message = new Uint8Array(data);
    this.receivedBytes += message.length;
    if (this.#handler === undefined) this.#early.push(message);
    else this.#handler.onMessage(message);
  }

  #watch(): void {
    this.#isWatching = true;
    setTimeout(() => {
      if (this.#ended) return;
      if (this.#socket.bufferedAmount > LOW_MARK_BYTES) return this.#watch();
      this.#isWatching = false;
      this.#handler?.onDrain();
    }, DRAIN_LOOK_MS);
  }

  #finish(clean: boolean, code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#handler?.onEnd({ clean, code, reason });
  }
}

import type { Agent } from 'node:http';
import type { Socket } from 'node:net';
import { type MessageLink, type MessageLinkHandler, SealaneError } from '@sealane/types';
import { type ClientOptions, WebSocket } from 'ws';
import { createProxyAgent } from './proxy.js';
import type { TransportFactory, TransportOptions } from './transport.js';

/** Above it a link counts as busy; `onDrain` comes when the queue is below again. */
const LOW_MARK_BYTES = 65_536;
/** How long the other side may take to answer a close. */
const CLOSE_WAIT_MS = 2_000;

/** A WebSocket of `ws`: no compression, bounded messages, masks as v1.md, "Links" allows. */
export const openWebSocket: TransportFactory = async (url, options) => {
  options.signal?.throwIfAborted();
  const agent = await createProxyAgent(url, options);
  const socket = new WebSocket(url, [options.subprotocol], clientOptions(url, options, agent));
  return await opened(socket, url, options.signal);
};

/** The platform's scheduler of work after all input of one turn was read: batches what belongs together. */
export const deferTurn = (callback: () => void): void => {
  setImmediate(callback);
};

function clientOptions(url: string, options: TransportOptions, agent: Agent | undefined): ClientOptions {
  return {
    perMessageDeflate: false,
    maxPayload: options.maxMessageBytes,
    followRedirects: false,
    handshakeTimeout: 10_000,
    ...(agent === undefined ? {} : { agent }),
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...(usesZeroMask(url, options.mask ?? 'auto', agent !== undefined) ? { generateMask: leaveZero } : {}),
  };
}

// ws hands over a zeroed buffer and, while it stays zero, sends the payload by reference.
function leaveZero(): void {}

/**
 * RFC 6455 masks protect intermediaries from text that third parties choose. Over TLS and on loopback there is no such
 * intermediary, and what is sent is ciphertext.
 */
export function usesZeroMask(url: string, mask: 'auto' | 'zero' | 'random', proxied: boolean): boolean {
  if (mask !== 'auto') return mask === 'zero';
  const { protocol, hostname } = new URL(url);
  if (protocol === 'wss:') return true;
  return !proxied && (hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname));
}

function opened(socket: WebSocket, url: string, signal: AbortSignal | undefined): Promise<MessageLink> {
  return new Promise((resolve, reject) => {
    const link = new WebSocketLink(socket);
    const abort = (): void => {
      finish();
      socket.terminate();
      reject(new SealaneError('ERR_ABORTED', undefined, { cause: signal?.reason }));
    };
    const fail = (cause: Error): void => {
      finish();
      reject(
        new SealaneError(
          'ERR_LINK_FAILED',
          `the relay ${url} cannot be reached: ${cause.message || errorCode(cause)}`,
          {
            cause,
            retryable: true,
          },
        ),
      );
    };
    const open = (): void => {
      finish();
      resolve(link);
    };
    const finish = (): void => {
      signal?.removeEventListener('abort', abort);
      socket.off('open', open);
      link.openFailed = undefined;
    };
    link.openFailed = fail;
    socket.once('open', open);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

function errorCode(error: Error): string {
  return 'code' in error ? String(error.code) : 'unknown reason';
}

class WebSocketLink implements MessageLink {
  /** Takes errors while the socket is still opening. */
  openFailed: ((error: Error) => void) | undefined;
  sentBytes = 0;
  queuedBytes = 0;
  readonly #socket: WebSocket;
  #tcp: Socket | undefined;
  #handler: MessageLinkHandler | undefined;
  #early: Uint8Array[] = [];
  #end: { clean: boolean; code?: number; reason: string } | undefined;
  #reason = '';
  #wasAboveMark = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('upgrade', (response) => {
      this.#tcp = response.socket;
    });
    socket.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary));
    socket.on('error', (error) => {
      this.#reason = error.message;
      this.openFailed?.(error);
    });
    socket.on('close', (code, reason) => {
      this.#finish({
        clean: code !== 1006 && this.#reason === '',
        code,
        reason: reason.toString() || this.#reason || 'the connection was closed',
      });
    });
  }

  get receivedBytes(): number {
    return this.#tcp?.bytesRead ?? 0;
  }

  start(handler: MessageLinkHandler): void {
    this.#handler = handler;
    const early = this.#early;
    this.#early = [];
    for (const message of early) handler.onMessage(message);
    if (this.#end !== undefined) handler.onEnd(this.#end);
  }

  send(message: Uint8Array): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    const { length } = message;
    this.queuedBytes += length;
    if (this.queuedBytes > LOW_MARK_BYTES) this.#wasAboveMark = true;
    this.#socket.send(message, (error) => {
      this.queuedBytes -= length;
      if (error) return;
      this.sentBytes += length;
      if (this.#wasAboveMark && this.queuedBytes <= LOW_MARK_BYTES) {
        this.#wasAboveMark = false;
        if (this.#end === undefined) this.#handler?.onDrain();
      }
    });
  }

  close(code = 1000, reason = ''): void {
    if (this.#end !== undefined) return;
    this.#socket.close(code, reason);
    const timer = setTimeout(() => this.#socket.terminate(), CLOSE_WAIT_MS);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  abort(reason = 'ended here'): void {
    if (this.#reason === '') this.#reason = reason;
    this.#socket.terminate();
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (!isBinary) {
      this.abort('the relay sent text');
      return;
    }
    if (this.#handler === undefined) this.#early.push(data);
    else if (this.#end === undefined) this.#handler.onMessage(data);
  }

  #finish(end: { clean: boolean; code?: number; reason: string }): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#handler?.onEnd(end);
  }
}

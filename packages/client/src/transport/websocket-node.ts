import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { UNSUPPORTED_VERSION_STATUS } from '@sealane/protocol';
import { type MessageLink, type MessageLinkHandler, SealaneError } from '@sealane/types';
import { type ClientOptions, WebSocket } from 'ws';
import { httpRefusal } from './http-refusal.js';
import { createProxyTunnel, isLoopback, type ProxyTunnel } from './proxy.js';
import type { TransportFactory, TransportOptions } from './transport.js';

/** Above it a link counts as busy; `onDrain` comes when the queue is below again. */
const LOW_MARK_BYTES = 65_536;
/** A message in more pieces than this holds more memory in bookkeeping than in bytes. */
const MAX_FRAGMENTS = 64;
const MAX_BUFFERED_CHUNKS = 2_048;
/** How long the other side may take to answer a close. */
const CLOSE_WAIT_MS = 2_000;

/** A WebSocket of `ws`: no compression, bounded messages, masks as v1.md, "Links" allows. */
export const openWebSocket: TransportFactory = async (url, options) => {
  options.signal?.throwIfAborted();
  const tunnel = await createProxyTunnel(url, options);
  const socket = new WebSocket(url, [options.subprotocol], clientOptions(url, options, tunnel));
  return await opened(socket, url, options, tunnel);
};

/** The platform's scheduler of work after all input of one turn was read: batches what belongs together. */
export const deferTurn = (callback: () => void): void => {
  setImmediate(callback);
};

function clientOptions(url: string, options: TransportOptions, tunnel: ProxyTunnel | undefined): ClientOptions {
  return {
    perMessageDeflate: false,
    autoPong: false,
    maxPayload: options.maxMessageBytes,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_BUFFERED_CHUNKS,
    followRedirects: false,
    handshakeTimeout: 10_000,
    ...(tunnel === undefined ? {} : { agent: tunnel.agent }),
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...(usesZeroMask(url, options.mask ?? 'auto', tunnel !== undefined) ? { generateMask: leaveZero } : {}),
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
  return !proxied && isLoopback(hostname);
}

function opened(
  socket: WebSocket,
  url: string,
  options: TransportOptions,
  tunnel: ProxyTunnel | undefined,
): Promise<MessageLink> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    const link = new WebSocketLink(socket);
    const abort = (): void => {
      finish();
      socket.terminate();
      reject(new SealaneError('ERR_ABORTED', undefined, { cause: signal?.reason }));
    };
    let answer: IncomingMessage | undefined;
    const fail = (cause: Error): void => {
      finish();
      reject(
        versionError(url, options.subprotocol, answer) ??
          httpRefusal(answer) ??
          openError(url, cause, tunnel, answer?.statusCode),
      );
    };
    const open = (): void => {
      finish();
      resolve(link);
    };
    // Before the WebSocket judges it, and for every status: what the relay speaks stands in its headers.
    socket.on('upgrade', (response) => {
      answer = response;
    });
    socket.once('unexpected-response', (_, response) => {
      answer = response;
      socket.terminate();
    });
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

/** Longest list of a relay's versions that is passed on. */
const MAX_VERSIONS_LENGTH = 200;

/**
 * The relay answered, and speaks another version (v1.md, "Versions"): it refused with 426, or chose what was not
 * offered. Undefined for every other answer, also for a 426 of something that names no version of ours.
 */
function versionError(url: string, own: string, answer: IncomingMessage | undefined): SealaneError | undefined {
  if (answer?.statusCode !== UNSUPPORTED_VERSION_STATUS && answer?.statusCode !== 101) return undefined;
  const speaks = (answer.headers['sec-websocket-protocol'] ?? '').replace(/[^!-~ ]/g, '').slice(0, MAX_VERSIONS_LENGTH);
  const versions = speaks.split(',').map((version) => version.trim());
  if (speaks === '' || versions.includes(own)) return undefined;
  return new SealaneError('ERR_RELAY_VERSION', `the relay ${url} speaks ${speaks}, and this client ${own}`, {
    details: { relay: versions, client: [own] },
  });
}

/** What OpenSSL and Node call certificates that they do not trust. */
const certificateCode =
  /^(CERT_|ERR_TLS_CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_)/;

/** What waiting cannot change (a certificate, a proxy's rule) is not retryable. */
function openError(
  url: string,
  cause: Error,
  tunnel: ProxyTunnel | undefined,
  answered: number | undefined,
): SealaneError {
  const code = errorCode(cause);
  const text = answered === undefined || answered === 101 ? cause.message || code : `HTTP status ${answered}`;
  if (certificateCode.test(code)) {
    const message = `the certificate of the relay ${url} is not trusted: ${text}`;
    return new SealaneError('ERR_LINK_CERTIFICATE', message, { cause, details: { reason: code } });
  }
  if (tunnel === undefined) {
    return new SealaneError('ERR_LINK_FAILED', `the relay ${url} cannot be reached: ${text}`, {
      cause,
      retryable: true,
    });
  }
  const { name, status } = tunnel;
  if (status !== undefined && status !== 200) {
    const message = `the proxy ${name} refused the tunnel to the relay ${url} with HTTP status ${status}`;
    const retryable = status === 429 || status >= 500;
    return new SealaneError('ERR_LINK_PROXY', message, { cause, retryable, details: { status } });
  }
  const message = `the relay ${url} cannot be reached through the proxy ${name}: ${text}`;
  return new SealaneError(status === undefined ? 'ERR_LINK_PROXY' : 'ERR_LINK_FAILED', message, {
    cause,
    retryable: true,
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
    // A relay that pings and does not read gets no queue of answers.
    socket.on('ping', (data) => {
      if (socket.bufferedAmount < LOW_MARK_BYTES) socket.pong(data);
    });
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
    // Not as a Buffer, whose `slice` is no copy: what is kept of a message must not keep all of it.
    const message = new Uint8Array(data.buffer, data.byteOffset, data.length);
    if (this.#handler === undefined) this.#early.push(message);
    else if (this.#end === undefined) this.#handler.onMessage(message);
  }

  #finish(end: { clean: boolean; code?: number; reason: string }): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#handler?.onEnd(end);
  }
}

import { createHash, randomBytes } from 'node:crypto';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { atTurnEnd, WebSocketConnection, webSocketSettings } from '@sealane/mux/node';
import { UNSUPPORTED_VERSION_STATUS } from '@sealane/protocol';
import { type MessageLink, SealaneError } from '@sealane/types';
import { httpRefusal } from './http-refusal.js';
import { createProxyTunnel, isLoopback, type ProxyTunnel } from './proxy.js';
import type { TransportFactory, TransportOptions } from './transport.js';

/** Above it a link counts as busy; `onDrain` comes when the queue is below again. */
const LOW_MARK_BYTES = 65_536;
/** From the start to the answer of the relay, however it drips in, and through whatever proxy. */
const OPEN_TIMEOUT_MS = 10_000;
/** RFC 6455 section 1.3. */
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** How long the other side may take to answer a close. */
const CLOSE_WAIT_MS = 2_000;

/** A WebSocket (RFC 6455): no extensions, bounded messages, masks as v1.md, "Links" allows. */
export const openWebSocket: TransportFactory = async (url, options) => {
  options.signal?.throwIfAborted();
  const tunnel = await createProxyTunnel(url, options);
  return await opened(url, options, tunnel);
};

/** The platform's scheduler of work after all input of one turn was read: batches what belongs together. */
export const deferTurn = (callback: () => void): void => {
  atTurnEnd(callback);
};

function upgradeRequest(url: string, key: string, options: TransportOptions, tunnel?: ProxyTunnel): ClientRequest {
  const { protocol, hostname, port, pathname, search } = new URL(url);
  const isSecure = protocol === 'wss:';
  return (isSecure ? https : http).request({
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (isSecure ? 443 : 80) : Number(port),
    path: `${pathname}${search}`,
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': key,
      'Sec-WebSocket-Protocol': options.subprotocol,
    },
    agent: tunnel?.agent ?? false,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
}

/** What is wrong with an answer of status 101 (RFC 6455 section 4.1); undefined if nothing is. */
function answerFault(answer: IncomingMessage, key: string, subprotocol: string): Error | undefined {
  const { headers } = answer;
  const accept = createHash('sha1').update(`${key}${ACCEPT_SUFFIX}`).digest('base64');
  if (headers.upgrade?.toLowerCase() !== 'websocket') return new Error('the upgrade is to something else');
  if (headers['sec-websocket-accept'] !== accept) return new Error('the Sec-WebSocket-Accept is wrong');
  if (headers['sec-websocket-protocol'] !== subprotocol) return new Error('the subprotocol is another one');
  if (headers['sec-websocket-extensions'] !== undefined) return new Error('an extension that was not offered');
  return undefined;
}

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

function opened(url: string, options: TransportOptions, tunnel: ProxyTunnel | undefined): Promise<MessageLink> {
  const { signal, subprotocol, maxMessageBytes } = options;
  const key = randomBytes(16).toString('base64');
  return new Promise((resolve, reject) => {
    const request = upgradeRequest(url, key, options, tunnel);
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    const giveUp = (error: SealaneError): void => {
      settle();
      reject(error);
      request.destroy();
      tunnel?.abort();
    };
    const abort = (): void => giveUp(new SealaneError('ERR_ABORTED', undefined, { cause: signal?.reason }));
    const fail = (cause: Error, answer?: IncomingMessage): void => {
      const refused = versionError(url, subprotocol, answer) ?? httpRefusal(answer);
      giveUp(refused ?? openError(url, cause, tunnel, answer?.statusCode));
    };
    // Not the timeout of the request: that begins anew with every byte, and not before the proxy answered.
    const timer = setTimeout(() => fail(new Error('the relay does not answer')), OPEN_TIMEOUT_MS);
    request.on('error', (error) => fail(error));
    request.once('response', (answer) => fail(new Error('no upgrade'), answer));
    request.once('upgrade', (answer, socket: Socket, head) => {
      const fault = answerFault(answer, key, subprotocol);
      if (fault !== undefined) {
        socket.destroy();
        fail(fault, answer);
        return;
      }
      settle();
      socket.setNoDelay(true);
      const mask = usesZeroMask(url, options.mask ?? 'auto', tunnel !== undefined) ? 'zero' : 'random';
      const lowMarkBytes = (): number => LOW_MARK_BYTES;
      resolve(
        new WebSocketConnection(
          socket,
          head,
          webSocketSettings({ mask, maxMessageBytes, lowMarkBytes, closeWaitMs: CLOSE_WAIT_MS }),
        ),
      );
    });
    signal?.addEventListener('abort', abort, { once: true });
    request.end();
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

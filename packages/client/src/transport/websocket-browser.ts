import { SealaneError } from '@sealane/types';
import { abortedBy, whenAborted } from '../abort-signal.js';
import { BrowserLink } from './browser-link.js';
import type { TransportFactory } from './transport.js';

/** As on Node. A browser alone would wait for minutes. */
const OPEN_TIMEOUT_MS = 10_000;

/** The WebSocket of the browser. It masks by itself, offers its own compression, and knows no proxies or private CAs. */
export const openWebSocket: TransportFactory = async (url, { signal, subprotocol, maxMessageBytes }) => {
  if (signal?.aborted) throw abortedBy(signal);
  const socket = createSocket(url, subprotocol);
  const link = new BrowserLink(socket, maxMessageBytes);
  await new Promise<void>((resolve, reject) => {
    const opening = new AbortController();
    const finish = (): void => {
      clearTimeout(timer);
      stop();
      opening.abort();
    };
    const fail = (error: SealaneError): void => {
      finish();
      socket.close();
      reject(error);
    };
    const failAs = (reason: string): void => fail(unreachable(url, reason));
    const timer = setTimeout(() => failAs('it did not answer in time'), OPEN_TIMEOUT_MS);
    const stop = whenAborted(signal, fail);
    const until = { signal: opening.signal };
    socket.addEventListener(
      'open',
      () => {
        finish();
        resolve();
      },
      until,
    );
    socket.addEventListener('close', ({ code, reason }) => failAs(reason || `code ${code}`), until);
    // Chromium tells of a policy that forbids the address by this event alone; a close never follows.
    socket.addEventListener('error', () => failAs('the browser gives no reason'), until);
  });
  return link;
};

let turns: MessagePort | undefined;
const deferred: (() => void)[] = [];

/**
 * The platform's scheduler of work after all input of one turn was read: batches what belongs together. A task of its
 * own, since microtasks run between the writes of one stream; not a timer, which browsers slow down.
 */
export const deferTurn = (callback: () => void): void => {
  deferred.push(callback);
  turns ??= openTurns();
  turns.postMessage(undefined);
};

function openTurns(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port2.onmessage = () => deferred.shift()?.();
  return port1;
}

/** A page over https may open no `ws:` at all, which is an exception and not an event. */
function createSocket(url: string, subprotocol: string): WebSocket {
  try {
    return new WebSocket(url, [subprotocol]);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : 'it refused the address';
    throw new SealaneError('ERR_LINK_FAILED', `the browser does not connect to the relay ${url}: ${text}`, { cause });
  }
}

/** A browser tells a program no reasons: a name that does not resolve and a forbidding policy look the same. */
function unreachable(url: string, reason: string): SealaneError {
  const message = `the relay ${url} cannot be reached, or the page's connect-src does not allow it: ${reason}`;
  return new SealaneError('ERR_LINK_FAILED', message, { retryable: true });
}

import type net from 'node:net';
import type { SecureStream } from '@sealane/client';
import { pipeSocket } from '@sealane/client/node';
import { toSealaneError } from '../output/error-line.js';
import type { Reporter } from '../output/reporter.js';
import { resetAtExit, resetSocket } from './open-sockets.js';
import { traceRefusal } from './trace-session.js';

/** Local connections held at once; beyond it new ones are reset. Each costs a socket on both sides. */
const maxConnections = 16_384;

/** How long a local connection waits for relay and owner before it is reset. */
export const localWaitMs = 30_000;

/** Where streams come from. */
export interface StreamSource {
  /** A stream that can be had without waiting. Its opening is held back for the first bytes. */
  openNow(): SecureStream | undefined;
  open(signal: AbortSignal): Promise<SecureStream>;
}

/** Joins local connections to streams. Every one that cannot be joined is reset, never ended in good order. */
export class ConnectSockets {
  readonly #source: StreamSource;
  readonly #reporter: Reporter;
  readonly #idleWaiters: (() => void)[] = [];
  #active = 0;
  #lastStream = 0;

  constructor(source: StreamSource, reporter: Reporter) {
    this.#source = source;
    this.#reporter = reporter;
  }

  accept(socket: net.Socket): void {
    if (this.#active >= maxConnections) {
      resetSocket(socket);
      this.#reporter.event({ event: 'refused', code: 'ERR_STREAM_BUSY', message: 'too many local connections' });
      return;
    }
    resetAtExit(socket);
    this.#active += 1;
    const number = ++this.#lastStream;
    let stream: SecureStream | undefined;
    try {
      stream = this.#source.openNow();
    } catch {
      // Whatever is in the way is found again, and told, by the way that waits.
    }
    if (stream === undefined) void this.#wait(socket, number);
    else {
      this.#join(stream, socket, number);
      sendOpenSoon(stream);
    }
  }

  /** Resolves when no local connection is open any more. */
  idle(): Promise<void> {
    if (this.#active === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  #done(): void {
    this.#active -= 1;
    if (this.#active > 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  async #wait(socket: net.Socket, number: number): Promise<void> {
    const gone = new AbortController();
    const timer = setTimeout(() => gone.abort(), localWaitMs);
    const onGone = (): void => gone.abort();
    socket.once('error', onGone);
    socket.once('close', onGone);
    let stream: SecureStream;
    try {
      stream = await this.#source.open(gone.signal);
    } catch (error) {
      resetSocket(socket);
      const { code, message } = toSealaneError(error);
      if (!gone.signal.aborted) this.#reporter.event({ event: 'refused', code, message, ...traceRefusal(error) });
      this.#done();
      return;
    } finally {
      clearTimeout(timer);
    }
    socket.off('error', onGone);
    socket.off('close', onGone);
    if (socket.destroyed) {
      stream.abort();
      this.#done();
      return;
    }
    this.#join(stream, socket, number);
  }

  #join(stream: SecureStream, socket: net.Socket, number: number): void {
    const peer = stream.connection.peerId;
    this.#reporter.event({ event: 'stream', state: 'open', stream: number, peer });
    pipeSocket(stream, socket, {
      onEnd: ({ error, bytesSent, bytesReceived, resetDelivered }) => {
        this.#reporter.event({
          event: 'stream',
          state: error === undefined ? 'closed' : 'reset',
          stream: number,
          peer,
          bytesIn: bytesReceived,
          bytesOut: bytesSent,
          ...(error === undefined ? {} : { code: error.code }),
          ...(resetDelivered ? {} : { resetDelivered }),
        });
        this.#done();
      },
    });
    // It was held since it was accepted.
    socket.resume();
  }
}

/**
 * Who speaks first has mostly spoken when its connection is accepted: what the next look at the sockets finds goes out with the
 * opening, and with what else ends or begins then. Whoever waits for the other side loses some microseconds.
 */
function sendOpenSoon(stream: SecureStream): void {
  setImmediate(() => setImmediate(() => stream.sendOpen()));
}

import type net from 'node:net';
import type { SecureStream } from '@sealane/client';
import { pipeSocket } from '@sealane/client/node';
import { toSealaneError } from '../output/error-line.js';
import type { Reporter } from '../output/reporter.js';
import { resetAtExit, resetSocket } from './open-sockets.js';

/** Local connections held at once; beyond it new ones are reset. Each costs a socket on both sides. */
const maxConnections = 16_384;

/** How long a local connection waits for relay and owner before it is reset. */
export const localWaitMs = 30_000;

/** Joins local connections to streams. Every one that cannot be joined is reset, never ended in good order. */
export class ConnectSockets {
  readonly #open: (signal: AbortSignal) => Promise<SecureStream>;
  readonly #reporter: Reporter;
  readonly #active = new Set<Promise<void>>();
  #lastStream = 0;

  constructor(open: (signal: AbortSignal) => Promise<SecureStream>, reporter: Reporter) {
    this.#open = open;
    this.#reporter = reporter;
  }

  accept(socket: net.Socket): void {
    if (this.#active.size >= maxConnections) {
      resetSocket(socket);
      this.#reporter.event({ event: 'refused', code: 'ERR_STREAM_BUSY', message: 'too many local connections' });
      return;
    }
    resetAtExit(socket);
    const done = this.#serve(socket, ++this.#lastStream);
    this.#active.add(done);
    void done.finally(() => this.#active.delete(done));
  }

  /** Resolves when no local connection is open any more. */
  async idle(): Promise<void> {
    while (this.#active.size > 0) await Promise.all(this.#active);
  }

  async #serve(socket: net.Socket, number: number): Promise<void> {
    const gone = new AbortController();
    const timer = setTimeout(() => gone.abort(), localWaitMs);
    const onGone = (): void => gone.abort();
    socket.once('error', onGone);
    socket.once('close', onGone);
    let stream: SecureStream;
    try {
      stream = await this.#open(gone.signal);
    } catch (error) {
      resetSocket(socket);
      const { code, message } = toSealaneError(error);
      if (!gone.signal.aborted) this.#reporter.event({ event: 'refused', code, message });
      return;
    } finally {
      clearTimeout(timer);
    }
    socket.off('error', onGone);
    socket.off('close', onGone);
    if (socket.destroyed) {
      stream.abort();
      return;
    }
    const peer = stream.connection.peerId;
    this.#reporter.event({ event: 'stream', state: 'open', stream: number, peer });
    await new Promise<void>((resolve) => {
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
          resolve();
        },
      });
      // It was held since it was accepted.
      socket.resume();
    });
  }
}

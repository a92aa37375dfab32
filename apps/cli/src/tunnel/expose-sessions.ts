import type { Socket } from 'node:net';
import type { SecureConnection, SecureStream } from '@sealane/client';
import { pipeSocket } from '@sealane/client/node';
import { isSealaneError, ResetCode, SealaneError } from '@sealane/types';
import { toSealaneError } from '../output/error-line.js';
import type { Reporter } from '../output/reporter.js';
import type { AllowList } from './allow-list.js';
import { connectTarget } from './dial-target-socket.js';
import { resetAtExit } from './open-sockets.js';
import type { Target } from './target.js';
import { traceSession } from './trace-session.js';

/** Connections to the target that are being made at once; beyond it streams get BUSY. */
const maxConnecting = 1_024;

/** The sessions that came in, and their streams joined to the target. */
export class ExposeSessions {
  readonly #target: Target;
  readonly #allow: AllowList;
  readonly #reporter: Reporter;
  readonly #sessions = new Map<SecureConnection, number>();
  #lastSession = 0;
  #lastStream = 0;
  #connecting = 0;

  constructor(target: Target, allow: AllowList, reporter: Reporter) {
    this.#target = target;
    this.#allow = allow;
    this.#reporter = reporter;
  }

  /** Serves one session until it ends; never rejects. */
  async serve(connection: SecureConnection): Promise<void> {
    const session = ++this.#lastSession;
    const peer = connection.peerId;
    // The list may have changed between the handshake and the peer's confirmation.
    const refusal = this.#allow.refusal({ id: peer, epoch: connection.peerEpoch });
    if (refusal !== undefined) {
      connection.closed.catch(() => {});
      connection.abort(denied(refusal));
      return;
    }
    this.#sessions.set(connection, session);
    const trace = traceSession(connection);
    this.#reporter.event({ event: 'session', state: 'open', session, peer, ...trace });
    const ended = connection.closed.then(
      () => undefined,
      (error: unknown) => toSealaneError(error).code,
    );
    try {
      for await (const stream of connection) void this.#serveStream(stream, session);
    } catch (error) {
      // The reason is reported through `closed`; anything else is a defect that must not pass unseen.
      if (!isSealaneError(error))
        this.#reporter.event({ event: 'warning', message: String(error), code: 'ERR_INTERNAL' });
    }
    const code = await ended;
    this.#sessions.delete(connection);
    const cause = code === undefined ? {} : { code };
    this.#reporter.event({ event: 'session', state: 'closed', session, peer, ...cause, ...trace });
  }

  /** Ends the sessions of peers that the list does not let in any more. */
  endRefused(): void {
    for (const connection of this.#sessions.keys()) {
      const refusal = this.#allow.refusal({ id: connection.peerId, epoch: connection.peerEpoch });
      if (refusal === undefined) continue;
      this.#reporter.event({ event: 'refused', code: 'ERR_E2EE_DENIED', message: refusal, peer: connection.peerId });
      connection.abort(denied(refusal));
    }
  }

  async #serveStream(stream: SecureStream, session: number): Promise<void> {
    const facts = { event: 'stream', stream: ++this.#lastStream, session, peer: stream.connection.peerId } as const;
    // How the stream ended is told by the pipe; a stream that ends before there is one is told by it, too.
    stream.finished.catch(() => {});
    if (this.#connecting >= maxConnecting) {
      stream.raw.reset(ResetCode.BUSY);
      this.#reporter.event({ ...facts, state: 'reset', code: 'ERR_STREAM_BUSY' });
      return;
    }
    let socket: Socket;
    this.#connecting += 1;
    try {
      socket = await connectTarget(this.#target);
    } catch (error) {
      stream.raw.reset(ResetCode.UNREACHABLE);
      const message = error instanceof Error ? error.message : String(error);
      this.#reporter.event({ ...facts, state: 'reset', code: 'ERR_STREAM_UNREACHABLE', message });
      return;
    } finally {
      this.#connecting -= 1;
    }
    resetAtExit(socket);
    this.#reporter.event({ ...facts, state: 'open' });
    pipeSocket(stream, socket, {
      onEnd: ({ error, bytesSent, bytesReceived, resetDelivered }) => {
        this.#reporter.event({
          ...facts,
          state: error === undefined ? 'closed' : 'reset',
          bytesIn: bytesReceived,
          bytesOut: bytesSent,
          ...(error === undefined ? {} : { code: error.code }),
          ...(resetDelivered ? {} : { resetDelivered }),
        });
      },
    });
  }
}

function denied(reason: string): SealaneError {
  return new SealaneError('ERR_E2EE_DENIED', reason);
}

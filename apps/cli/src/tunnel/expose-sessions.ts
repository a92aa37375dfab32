import type { SecureConnection, SecureStream } from '@sealane/client';
import { pipeSocket } from '@sealane/client/node';
import { isSealaneError, ResetCode, SealaneError } from '@sealane/types';
import { toSealaneError } from '../output/error-line.js';
import type { Reporter } from '../output/reporter.js';
import type { AllowList } from './allow-list.js';
import { connectTarget } from './dial-target-socket.js';
import type { Target } from './target.js';

/** The sessions that came in, and their streams joined to the target. */
export class ExposeSessions {
  readonly #target: Target;
  readonly #allow: AllowList;
  readonly #reporter: Reporter;
  readonly #sessions = new Map<SecureConnection, number>();
  #lastSession = 0;
  #lastStream = 0;

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
    this.#reporter.event({ event: 'session', state: 'open', session, peer });
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
    this.#reporter.event({ event: 'session', state: 'closed', session, peer, ...(code === undefined ? {} : { code }) });
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
    const number = ++this.#lastStream;
    const peer = stream.connection.peerId;
    const gone = new AbortController();
    stream.finished.catch(() => gone.abort());
    try {
      const socket = await connectTarget(this.#target, gone.signal);
      this.#reporter.event({ event: 'stream', state: 'open', stream: number, session, peer });
      pipeSocket(stream, socket, {
        onEnd: ({ error, bytesSent, bytesReceived, resetDelivered }) => {
          this.#reporter.event({
            event: 'stream',
            state: error === undefined ? 'closed' : 'reset',
            stream: number,
            session,
            peer,
            bytesIn: bytesReceived,
            bytesOut: bytesSent,
            ...(error === undefined ? {} : { code: error.code }),
            ...(resetDelivered ? {} : { resetDelivered }),
          });
        },
      });
    } catch (error) {
      if (!gone.signal.aborted) stream.raw.reset(ResetCode.UNREACHABLE);
      this.#reporter.event({
        event: 'stream',
        state: 'reset',
        stream: number,
        session,
        peer,
        code: gone.signal.aborted ? 'ERR_STREAM_CANCELLED' : 'ERR_STREAM_UNREACHABLE',
        ...(gone.signal.aborted ? {} : { message: error instanceof Error ? error.message : String(error) }),
      });
    }
  }
}

function denied(reason: string): SealaneError {
  return new SealaneError('ERR_E2EE_DENIED', reason);
}

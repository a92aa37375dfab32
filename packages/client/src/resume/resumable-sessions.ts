import { bytesEqual } from '@sealane/crypto';
import type { MuxStream } from '@sealane/mux';
import type { ForwardResume, ResumeSeal } from '@sealane/protocol';
import {
  AbortCode,
  type Clock,
  MessageKind,
  RelayCode,
  ResetCode,
  ResumptionLimit,
  SealaneError,
} from '@sealane/types';
import type { OwnedService } from '../handshake/owned-service.js';
import type { RelayLink } from '../link/relay-link.js';
import type { PeerRequest } from '../policy.js';
import { LinkStreamPath } from '../session/link-stream-path.js';
import type { ResumeHalf } from '../session/resume-half.js';
import type { SecureConnection } from '../session/secure-connection.js';
import { EndedSessions } from './ended-sessions.js';

export interface ResumableSession {
  readonly connection: SecureConnection;
  readonly half: ResumeHalf;
  readonly service: OwnedService;
  /** Asked again at every resume: the policy may have changed. */
  readonly peer: PeerRequest;
}

/** The owner's sessions that may come back over another path, over whatever link (v1.md, "Starting a path"). */
export class ResumableSessions {
  readonly #sessions = new Map<string, ResumableSession>();
  /** Questions that `accept` has not answered: one for each session, however often it is resumed meanwhile. */
  readonly #asking = new Map<ResumableSession, Promise<boolean>>();
  readonly #ended: EndedSessions;

  constructor(clock: Clock) {
    this.#ended = new EndedSessions(clock);
  }

  add(session: ResumableSession): void {
    this.#sessions.set(keyOf(session.half.keys.resumeId), session);
  }

  /** The session has ended; `error` says why, for a dialer that does not know. */
  onEnd(session: ResumableSession, error: SealaneError | undefined): void {
    const key = keyOf(session.half.keys.resumeId);
    if (!this.#sessions.delete(key)) return;
    // Nobody ever proved to have its keys: it takes no place from those that dialers may ask for.
    if (session.connection.statistics.recordsReceived === 0) session.half.keys.wipe();
    else this.#ended.add(key, session.half, error);
  }

  /**
   * One more session of a peer lost its path: beyond 16 the one that waits longest is given up. One that its dialer never
   * confirmed may be an old message 1 sent again, so it neither counts nor goes: it has its 10 s.
   */
  onSuspended(session: ResumableSession): void {
    if (session.connection.isUnconfirmed) return;
    const suspended = [...this.#sessions.values()].filter(
      ({ connection, peer }) => connection.isSuspended && !connection.isUnconfirmed && peer.id === session.peer.id,
    );
    if (suspended.length <= ResumptionLimit.maxSuspendedPerPeer) return;
    let oldest = suspended[0]!;
    for (const other of suspended) {
      if ((other.connection.suspendedSinceMs ?? 0) < (oldest.connection.suspendedSinceMs ?? 0)) oldest = other;
    }
    oldest.connection.session.giveUp();
  }

  /** A forwarded RESUME. What does not open changes nothing and is refused as a session that nobody knows. */
  onForward(link: RelayLink, stream: MuxStream, request: ForwardResume): void {
    const path = new LinkStreamPath(link, {
      onMessage: () => path.reset(ResetCode.PROTOCOL),
      onData: () => path.reset(ResetCode.PROTOCOL),
      onEnd: () => undefined,
    });
    path.bind(stream);
    stream.handler = path;
    const key = keyOf(request.resumeId);
    const seal: ResumeSeal = { pathNumber: request.pathNumber, sealed: request.sealed };
    const session = this.#sessions.get(key);
    if (session !== undefined && isFor(session, request)) {
      const peer = session.half.open(seal);
      if (peer === undefined || session.half.isOver) {
        refuse(path);
        return;
      }
      this.#answer(session, path, seal.pathNumber, peer).catch((error: unknown) => session.connection.abort(error));
      return;
    }
    const answer = this.#ended.answer(key, seal);
    if (answer === undefined) refuse(path);
    else {
      path.sendMessage({ kind: MessageKind.ACCEPT, message2: null, resume: answer });
      path.end();
    }
  }

  close(): void {
    this.#ended.close();
  }

  #ask(session: ResumableSession): Promise<boolean> {
    let asking = this.#asking.get(session);
    if (asking === undefined) {
      asking = asksPolicy(session).finally(() => this.#asking.delete(session));
      this.#asking.set(session, asking);
    }
    return asking;
  }

  async #answer(
    session: ResumableSession,
    path: LinkStreamPath,
    pathNumber: number,
    peer: Parameters<ResumeHalf['moveTo']>[1],
  ): Promise<void> {
    const { half, connection } = session;
    const isAllowed = await this.#ask(session);
    // The dialer may have given this attempt up and begun another one meanwhile.
    if (!half.isCurrent(pathNumber)) {
      if (half.isOver) refuse(path);
      else path.reset(ResetCode.GONE);
      return;
    }
    if (path.isEnded) return;
    const resume = half.seal(pathNumber, isAllowed ? 0 : AbortCode.DENIED);
    path.sendMessage({ kind: MessageKind.ACCEPT, message2: null, resume });
    if (isAllowed) {
      half.moveTo(path, peer);
      return;
    }
    path.end();
    connection.abort(new SealaneError('ERR_E2EE_DENIED', 'the policy does not allow this peer any more'));
  }
}

function isFor(session: ResumableSession, request: ForwardResume): boolean {
  const { service } = session;
  return request.service === service.service && bytesEqual(request.instance, service.instance);
}

async function asksPolicy(session: ResumableSession): Promise<boolean> {
  try {
    return (await session.service.options.accept(session.peer)) === true;
  } catch {
    // An exception refuses, as at the first time.
    return false;
  }
}

function refuse(path: LinkStreamPath): void {
  path.sendMessage({ kind: MessageKind.REJECT, code: RelayCode.NO_SESSION, keycert: null, text: '' });
  path.end();
}

function keyOf(resumeId: Uint8Array): string {
  return String.fromCharCode(...resumeId);
}

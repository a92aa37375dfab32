import type { ResumeState, SessionKeys } from '@sealane/crypto/e2ee';
import type { ResumeSeal } from '@sealane/protocol';
import { isSealaneError, SealaneError } from '@sealane/types';
import type { PathRecovery } from './path-recovery.js';
import type { Session } from './session.js';
import type { SessionPath } from './session-path.js';

/** A path whose session asks for it: see {@link SessionPath}. */
export interface AttachablePath extends SessionPath {
  attach(sink: Session): void;
}

/**
 * One side's half of a resumption (v1.md, "Starting a path"): numbers, keys, and the session that moves. The dialer calls
 * `begin` and `complete`, the owner `open`, `seal` and `moveTo`.
 */
export class ResumeHalf {
  readonly keys: SessionKeys;
  readonly #session: Session;
  readonly #recovery: PathRecovery;

  constructor(keys: SessionKeys, session: Session, recovery: PathRecovery) {
    this.keys = keys;
    this.#session = session;
    this.#recovery = recovery;
  }

  /** Highest path number so far. */
  get pathNumber(): number {
    return this.#recovery.pathNumber;
  }

  /** What this side says of itself. With another `status` than 0 it is what is said of an ended session. */
  state(status = 0): ResumeState {
    return this.#session.resumeState(status);
  }

  get isOver(): boolean {
    return this.#session.isEnded;
  }

  /** Leaves the path there is and seals this side's RESUME for the next one. `status` other than 0 ends the session. */
  begin(status = 0): ResumeSeal {
    this.#leave();
    this.#recovery.pathNumber += 1;
    return this.seal(this.pathNumber, status);
  }

  /**
   * Takes the owner's RESUME for the path that was begun last. False when it does not belong here or does not open, which
   * changes nothing, and when it ended the session.
   */
  complete(seal: ResumeSeal, path: AttachablePath): boolean {
    if (seal.pathNumber !== this.pathNumber || this.isOver || !this.#session.isSuspended) return false;
    const peer = openSeal(this.keys, seal);
    if (peer === undefined || !this.#session.takePeerState(peer)) return false;
    this.moveTo(path, peer);
    return true;
  }

  /**
   * Opens the dialer's RESUME and leaves the path there is. Undefined for one that does not open or whose number is not
   * above all before: that changes nothing. An opened one may have ended the session.
   */
  open(seal: ResumeSeal): ResumeState | undefined {
    if (this.isOver || seal.pathNumber <= this.pathNumber) return undefined;
    const peer = openSeal(this.keys, seal);
    if (peer === undefined) return undefined;
    this.#recovery.pathNumber = seal.pathNumber;
    this.#leave();
    this.#session.takePeerState(peer);
    return peer;
  }

  /** This side's answer to what `open` gave, once for each number. A `status` other than 0 says why it does not go on. */
  seal(pathNumber: number, status = 0): ResumeSeal {
    return { pathNumber, sealed: this.keys.sealResume(pathNumber, this.state(status)) };
  }

  /** Nothing newer was opened since. */
  isCurrent(pathNumber: number): boolean {
    return !this.isOver && this.pathNumber === pathNumber && this.#session.isSuspended;
  }

  /** Records flow on `path` from now on. */
  moveTo(path: AttachablePath, peer: ResumeState): void {
    path.attach(this.#session);
    this.#session.resumeOn(path, peer);
  }

  #leave(): void {
    this.#session.leavePath(new SealaneError('ERR_E2EE_TRUNCATED', 'it moves', { retryable: true }));
  }
}

/** What the other side's RESUME says; undefined for one that does not open. */
export function openSeal(keys: SessionKeys, seal: ResumeSeal): ResumeState | undefined {
  try {
    return keys.openResume(seal.pathNumber, seal.sealed);
  } catch (error) {
    // Also what opens and holds numbers that nobody can have: it is the peer's fault, and not that of the link.
    if (isSealaneError(error, 'ERR_E2EE_INTEGRITY', 'ERR_E2EE_PROTOCOL')) return undefined;
    throw error;
  }
}

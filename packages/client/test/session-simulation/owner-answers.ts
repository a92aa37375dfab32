import type { SessionKeys } from '@sealane/crypto/e2ee';
import type { ResumeSeal } from '@sealane/protocol';
import type { VirtualClock } from '@sealane/testkit';
import { ResetCode, type SealaneError } from '@sealane/types';
import type { EndedSessions } from '../../src/resume/ended-sessions.js';
import type { ResumeHalf } from '../../src/session/resume-half.js';
import type { Session } from '../../src/session/session.js';
import type { PathPlan } from './plan.js';
import type { RecordLedger } from './record-ledger.js';
import type { SimulatedPath } from './simulated-path.js';

export type Message =
  | { readonly kind: 'request'; readonly seal: ResumeSeal }
  | { readonly kind: 'answer'; readonly seal: ResumeSeal }
  | { readonly kind: 'refusal' };
export type Path = SimulatedPath<Message>;

/** One end of the session, and how it ended. */
export interface SessionEnd {
  readonly session: Session;
  readonly half: ResumeHalf;
  readonly keys: SessionKeys;
  /** Of this end's direction. */
  readonly ledger: RecordLedger;
  hasEnded: boolean;
  error: SealaneError | undefined;
  wasSuspended: boolean;
  /** From its beginning to its end. */
  lastedMs: number;
}

/** The owner's side of resumption: what it says to each request. */
export class OwnerAnswers {
  readonly #clock: VirtualClock;
  readonly #owner: SessionEnd;
  readonly #ended: EndedSessions;
  /** Numbers for which it has sealed. */
  readonly #sealed = new Set<number>();

  constructor(clock: VirtualClock, owner: SessionEnd, ended: EndedSessions) {
    this.#clock = clock;
    this.#owner = owner;
    this.#ended = ended;
  }

  /** What the relay forwards, on the owner's end of the new path. */
  onRequest(path: Path, seal: ResumeSeal, plan: PathPlan, limitMs: number): void {
    const owner = this.#owner;
    if (plan.fate === 'refused') {
      path.sendMessage({ kind: 'refusal' });
      path.end();
      return;
    }
    if (owner.hasEnded) {
      const answer = this.#ended.answer(keyOf(owner.keys), seal);
      path.sendMessage(answer === undefined ? { kind: 'refusal' } : { kind: 'answer', seal: answer });
      path.end();
      return;
    }
    const peer = owner.half.open(seal);
    if (peer === undefined) {
      path.sendMessage({ kind: 'refusal' });
      path.end();
      return;
    }
    if (owner.half.isOver) {
      path.end();
      return;
    }
    this.#clock.schedule(plan.policyMs, () => {
      if (!owner.half.isCurrent(seal.pathNumber) || path.isEnded) {
        if (!path.isEnded) path.reset(ResetCode.GONE);
        return;
      }
      const answer: Message = { kind: 'answer', seal: this.#sealOnce(owner.half, seal.pathNumber) };
      path.nextNumber = peer.nextExpected;
      if (plan.fate === 'answer-lost') path.cut();
      if (plan.fate === 'answer-late') path.delayBy(limitMs);
      path.sendMessage(answer);
      owner.half.moveTo(path, peer);
    });
  }

  /** Its number is the nonce of a RESUME: a second one is a second use. */
  #sealOnce(half: ResumeHalf, pathNumber: number): ResumeSeal {
    if (this.#sealed.has(pathNumber)) throw new Error(`RESUME ${pathNumber} was sealed twice`);
    this.#sealed.add(pathNumber);
    return half.seal(pathNumber);
  }
}

export function keyOf(keys: SessionKeys): string {
  return String.fromCharCode(...keys.resumeId);
}

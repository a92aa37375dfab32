import type { SessionKeys, SessionParameters } from '@sealane/crypto/e2ee';
import type { MemoryBudget, MuxStream } from '@sealane/mux';
import type { ResumeSeal } from '@sealane/protocol';
import { type SeededRandom, seededRandom, type VirtualClock } from '@sealane/testkit';
import { AbortCode, ResetCode, ResumptionLimit, SealaneError, type Timer } from '@sealane/types';
import type { EndedSessions } from '../../src/resume/ended-sessions.js';
import type { KeptAccount, KeptBudget } from '../../src/session/kept-budget.js';
import { LEAST_RECORD_BYTES } from '../../src/session/link-stream-path.js';
import { ResumeHalf } from '../../src/session/resume-half.js';
import { Session } from '../../src/session/session.js';
import { createKeyPair } from './key-pair.js';
import { keyOf, type Message, OwnerAnswers, type Path, type SessionEnd } from './owner-answers.js';
import { type PathPlan, type Plan, perfectPath, type SessionPlan, type StreamPlan } from './plan.js';
import { RecordLedger } from './record-ledger.js';
import { createPathPair } from './simulated-path.js';
import { StreamUser } from './stream-user.js';

const FEATURE_BITS = 1;
const MAX_BACKOFF_MS = 1_000;
/** For the smallest record that is worth its overhead. */
const LEAST_ROOM_BYTES = LEAST_RECORD_BYTES + 19 + ResumptionLimit.keptRecordOverheadBytes;
/** Of what is kept beyond every bound: one record's header and tag. */
const SLACK_BYTES = 32;

export interface Conversation {
  readonly plan: StreamPlan;
  readonly opener: StreamUser;
  acceptor: StreamUser | undefined;
}

export interface SimulatedSessionOptions {
  readonly clock: VirtualClock;
  readonly plan: Plan;
  readonly index: number;
  readonly kept: readonly [KeptBudget, KeptBudget];
  readonly memory: readonly [MemoryBudget, MemoryBudget];
  readonly ended: EndedSessions;
}

/** Both ends of one session, and between them what starts the next path when one breaks. */
export class SimulatedSession {
  readonly ends: readonly [dialer: SessionEnd, owner: SessionEnd];
  readonly conversations: Conversation[] = [];
  readonly paths: Path[] = [];
  readonly plan: SessionPlan;
  resumptions = 0;
  readonly #options: SimulatedSessionOptions;
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;
  readonly #accounts: readonly KeptAccount[];
  readonly #answers: OwnerAnswers;
  #attempts = 0;
  #isSearching = false;
  #isMoving = false;
  #isClosing = false;

  constructor(options: SimulatedSessionOptions) {
    const { clock, plan, index, kept } = options;
    this.#options = options;
    this.#clock = clock;
    this.plan = plan.sessions[index]!;
    this.#random = seededRandom(plan.seed).fork(`session ${index}`);
    this.#accounts = kept.map((budget) => budget.reserve()!);
    const keys = createKeyPair(this.#random.fork('keys'), plan.maxRecordPlaintext);
    this.ends = [this.#createEnd(keys[0], 0), this.#createEnd(keys[1], 1)];
    this.#answers = new OwnerAnswers(clock, this.owner, options.ended);
  }

  get dialer(): SessionEnd {
    return this.ends[0];
  }

  get owner(): SessionEnd {
    return this.ends[1];
  }

  get hasEnded(): boolean {
    return this.dialer.hasEnded && this.owner.hasEnded;
  }

  /** Paths that were asked for after the first one. */
  get attempts(): number {
    return this.#attempts;
  }

  start(): void {
    const pair = this.#createPath(this.plan.paths[0] ?? perfectPath);
    for (const side of [1, 0] as const) {
      pair[side].attach(this.ends[side].session);
      this.ends[side].session.attachPath(pair[side]);
    }
    for (const stream of this.plan.streams) this.#clock.schedule(stream.openAtMs, () => this.#open(stream));
    for (const atMs of this.plan.movesAtMs) this.#clock.schedule(atMs, () => this.#move());
    const { abort } = this.plan;
    if (abort === undefined) return;
    this.#clock.schedule(abort.atMs, () => {
      const end = this.ends[abort.byDialer ? 0 : 1];
      end.session.abort(AbortCode.SHUTDOWN, new SealaneError('ERR_ABORTED'));
    });
  }

  /** Called after every event: what must hold at all times, and the close once every stream is over. */
  check(): void {
    this.ends.forEach((end, side) => {
      const { guaranteedBytes = 0, sessionBytes = 0 } = this.#options.plan.kept[side]!;
      const account = this.#accounts[side]!;
      const bound = guaranteedBytes + sessionBytes;
      if (account.usedBytes > bound) throw new Error(`${account.usedBytes} bytes are charged, more than ${bound}`);
      if (this.#couldSend(end, account)) throw new Error('a session stands still that has something to send');
      const other = this.ends[side === 0 ? 1 : 0];
      if (end.hasEnded || other.hasEnded) return;
      const expected = other.session.resumeState().nextExpected;
      const kept = end.ledger.bytesFrom(expected);
      const most = bound + ResumptionLimit.keptReserveBytes + SLACK_BYTES;
      if (kept > most) throw new Error(`${kept} bytes were sealed and not received, more than ${most}`);
    });
    if (this.#isClosing || this.conversations.length < this.plan.streams.length) return;
    if (!this.conversations.every((conversation) => isOver(conversation))) return;
    this.#isClosing = true;
    const { closer } = this.plan;
    this.#clock.schedule(0, () => {
      if (closer !== 'owner') this.dialer.session.sealClose();
      if (closer !== 'dialer') this.owner.session.sealClose();
    });
  }

  /** Between two events nothing waits that could go out. */
  #couldSend({ session }: SessionEnd, account: KeptAccount): boolean {
    const path = session.path as Path | undefined;
    if (path === undefined || session.isUnconfirmed || !session.isOpen || !session.mux.hasPending) return false;
    return path.sendableBytes >= path.maxSentBytes && account.roomBytes >= LEAST_ROOM_BYTES;
  }

  #createEnd(keys: SessionKeys, side: 0 | 1): SessionEnd {
    const { plan, clock, memory, ended } = this.#options;
    const parameters = plan.maxRecordPlaintext.map(
      (maxRecordPlaintext): SessionParameters => ({
        maxRecordPlaintext,
        initialWindow: plan.initialWindowBytes,
        maxStreams: 64,
        features: FEATURE_BITS,
      }),
    );
    const session: Session = new Session({
      keys,
      own: parameters[side]!,
      peer: parameters[1 - side]!,
      clock,
      budget: memory[side],
      resumption: { account: this.#accounts[side]!, giveUpMs: plan.giveUpMs },
      handler: {
        onConfirmed: () => undefined,
        onOpen: (stream, open) => this.#accept(stream, open[0]!),
        onChange: () => undefined,
        onSuspended: (cause) => {
          end.wasSuspended = true;
          if (side === 1) return;
          // A session that stands still would be helped on by the next path: it must not come to that.
          const isFaulty = this.plan.paths[this.#attempts] !== undefined;
          if (!isFaulty && !this.#isMoving)
            throw new Error(`a path without a fault broke: ${cause.message}`, { cause });
          clock.schedule(0, () => this.#search());
        },
        onResumed: () => {
          this.resumptions += 1;
        },
        onEnd: (error) => {
          if (end.hasEnded) throw new Error('a session that ended twice');
          end.hasEnded = true;
          end.error = error;
          end.lastedMs = clock.nowMs();
          if (side === 1) ended.add(keyOf(keys), end.half, error);
        },
      },
    });
    const half = new ResumeHalf(keys, session, session.recovery!);
    const end: SessionEnd = {
      session,
      half,
      keys,
      ledger: new RecordLedger(),
      hasEnded: false,
      error: undefined,
      wasSuspended: false,
      lastedMs: 0,
    };
    return end;
  }

  #open(plan: StreamPlan): void {
    const key = this.conversations.length;
    const conversation: Conversation = {
      plan,
      opener: new StreamUser(this.#clock, plan.opener, plan.acceptor, this.#keyOf(key), this.#keyOf(key) + 1),
      acceptor: undefined,
    };
    this.conversations.push(conversation);
    const { session, hasEnded, error } = this.ends[plan.openedByDialer ? 0 : 1];
    if (hasEnded || !session.isOpen) {
      conversation.opener.error = error ?? new SealaneError('ERR_E2EE_CLOSED');
      return;
    }
    conversation.opener.start(session.mux.openStream(Uint8Array.of(key), conversation.opener));
    const { reset } = plan;
    if (reset === undefined) return;
    this.#clock.schedule(reset.atMs, () => {
      const user = reset.byOpener ? conversation.opener : conversation.acceptor;
      user?.reset(ResetCode.CANCELLED, new SealaneError('ERR_STREAM_CANCELLED'));
    });
  }

  #accept(stream: MuxStream, key: number): void {
    const conversation = this.conversations[key]!;
    if (conversation.acceptor !== undefined) throw new Error('a stream was opened twice');
    const { plan } = conversation;
    const user = new StreamUser(this.#clock, plan.acceptor, plan.opener, this.#keyOf(key) + 1, this.#keyOf(key));
    conversation.acceptor = user;
    stream.handler = user;
    user.start(stream);
  }

  #keyOf(stream: number): number {
    return (this.#options.index * 16 + stream) * 2;
  }

  #createPath(plan: PathPlan): readonly [Path, Path] {
    const { maxRecordPlaintext } = this.#options.plan;
    const pair = createPathPair<Message>({
      clock: this.#clock,
      random: this.#random,
      plan,
      ledgers: [this.dialer.ledger, this.owner.ledger],
      maxRecordBytes: [maxRecordPlaintext[1] + 19, maxRecordPlaintext[0] + 19],
    });
    this.paths.push(...pair);
    return pair;
  }

  #move(): void {
    if (!this.dialer.hasEnded && !this.#isSearching && !this.owner.session.isUnconfirmed) this.#attempt(0);
  }

  /** One attempt after another, as long as no path is there. */
  #search(): void {
    if (this.#isSearching || !this.dialer.session.isSuspended) return;
    this.#attempt(0);
  }

  #attempt(failures: number): void {
    this.#isSearching = true;
    const isOut = this.#clock.nowMs() >= this.plan.outageFromMs;
    const planned = this.plan.paths[this.#attempts + 1] ?? perfectPath;
    const plan: PathPlan = isOut ? { ...planned, fate: 'request-lost' } : planned;
    const { half } = this.dialer;
    this.#isMoving = true;
    const seal = half.begin();
    this.#isMoving = false;
    this.#attempts += 1;
    const [path, ownerPath] = this.#createPath(plan);
    const limitMs = Math.min(ResumptionLimit.attemptMaxMs, ResumptionLimit.attemptMinMs * 2 ** failures);
    let timer: Timer | undefined;
    let isDone = false;
    const finish = (isGood: boolean): void => {
      if (isDone) return;
      isDone = true;
      timer?.cancel();
      if (!isGood) path.reset(ResetCode.CANCELLED);
      this.#clock.schedule(isGood ? 0 : this.#random.int(0, MAX_BACKOFF_MS), () => {
        this.#isSearching = false;
        if (this.dialer.session.isSuspended) this.#attempt(isGood ? 0 : failures + 1);
      });
    };
    timer = this.#clock.schedule(limitMs, () => finish(false));
    path.setup = {
      onMessage: (message) => {
        if (message.kind !== 'answer') finish(false);
        else if (!isDone) {
          path.nextNumber = this.#expectedOf(this.dialer.keys, message.seal);
          finish(half.complete(message.seal, path));
        } else if (half.pathNumber > seal.pathNumber && half.complete(message.seal, path)) {
          throw new Error('an answer was taken after the next attempt had begun');
        }
      },
      onEnd: () => finish(false),
    };
    ownerPath.setup = {
      onMessage: (message) => {
        if (message.kind === 'request') this.#answers.onRequest(ownerPath, message.seal, plan, limitMs);
      },
      onEnd: () => undefined,
    };
    if (plan.fate === 'request-lost') return;
    const lateMs = plan.fate === 'request-late' ? limitMs + this.#random.int(-200, 3_000) : 0;
    this.#clock.schedule(lateMs, () => path.sendMessage({ kind: 'request', seal }));
    if (plan.repeats) this.#clock.schedule(this.#random.int(0, 3_000), () => this.#repeat(seal));
  }

  /** A relay forwards a request once more, on a stream of its own. */
  #repeat(seal: ResumeSeal): void {
    const [path, ownerPath] = this.#createPath(perfectPath);
    path.isDeaf = true;
    this.#answers.onRequest(ownerPath, seal, perfectPath, 0);
    this.#clock.schedule(this.#random.int(0, 2_000), () => path.reset(ResetCode.GONE));
  }

  #expectedOf(keys: SessionKeys, seal: ResumeSeal): number {
    if (this.dialer.hasEnded) return 0;
    return keys.openResume(seal.pathNumber, seal.sealed).nextExpected;
  }
}

/** Neither end waits for anything. */
export function isOver({ opener, acceptor }: Conversation): boolean {
  return opener.isOver && (acceptor === undefined ? opener.error !== undefined : acceptor.isOver);
}

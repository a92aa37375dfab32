import { MemoryBudget } from '@sealane/mux';
import { seededRandom, VirtualClock } from '@sealane/testkit';
import { SessionLimit } from '@sealane/types';
import { EndedSessions } from '../../src/resume/ended-sessions.js';
import { KeptBudget } from '../../src/session/kept-budget.js';
import type { SessionEnd } from './owner-answers.js';
import { createPlan, type Plan } from './plan.js';
import { isOver, SimulatedSession } from './simulated-session.js';

const LIMIT_MS = 3_600_000;
const MAX_EVENTS = 3_000_000;

export interface SimulationResult {
  readonly streams: number;
  readonly completeStreams: number;
  readonly bytes: number;
  /** Paths that took over. */
  readonly resumptions: number;
  readonly attempts: number;
  /** Bytes that came on paths which had been left. */
  readonly lateBytes: number;
  readonly rekeys: number;
  /** What the dialer and the owner of the first session sent on its first path. */
  readonly firstPathBytes: readonly [number, number];
  readonly virtualMs: number;
  readonly sessions: number;
  /** Sessions of which one end came to another end than the agreed one. */
  readonly failedSessions: number;
}

/** Runs one plan to its end. Throws when a rule is broken. */
export function simulate(seed: number): SimulationResult {
  return simulatePlan(createPlan(seededRandom(seed)));
}

export function simulatePlan(plan: Plan): SimulationResult {
  const clock = new VirtualClock();
  const kept = [new KeptBudget(plan.kept[0]), new KeptBudget(plan.kept[1])] as const;
  const memory = [new MemoryBudget(1 << 28), new MemoryBudget(1 << 28)] as const;
  const ended = new EndedSessions(clock);
  const sessions = plan.sessions.map((_, index) => new SimulatedSession({ clock, plan, index, kept, memory, ended }));
  for (const session of sessions) session.start();
  let events = 0;
  while (!sessions.every(({ hasEnded }) => hasEnded)) {
    const { nextDueMs } = clock;
    if (nextDueMs === undefined || nextDueMs > LIMIT_MS) throw new Error(`stuck: ${describe(sessions)}`);
    if (++events > MAX_EVENTS) throw new Error(`no end: ${describe(sessions)}`);
    clock.advance(nextDueMs - clock.nowMs());
    for (const session of sessions) if (!session.hasEnded) session.check();
    assertShared(plan, kept);
  }
  const virtualMs = clock.nowMs();
  clock.runAll(MAX_EVENTS);
  for (const session of sessions) assertOutcome(plan, session);
  for (const budget of kept) {
    if (budget.sharedUsedBytes !== 0) throw new Error(`${budget.sharedUsedBytes} shared bytes were never given back`);
    if (!budget.hasPlace) throw new Error('a place was never given back');
  }
  for (const budget of memory) if (budget.used !== 0) throw new Error(`${budget.used} bytes are still charged`);
  return sumUp(sessions, virtualMs);
}

function assertShared(plan: Plan, kept: readonly KeptBudget[]): void {
  kept.forEach((budget, side) => {
    const most = plan.kept[side]?.sharedBytes ?? 0;
    if (budget.sharedUsedBytes > most)
      throw new Error(`${budget.sharedUsedBytes} bytes of ${most} shared ones are used`);
  });
}

/** Every stream came to its authenticated end or a typed error, and to an error only where the plan has a reason. */
function assertOutcome(plan: Plan, session: SimulatedSession): void {
  const { abort, outageFromMs } = session.plan;
  const mayFail = abort !== undefined || outageFromMs !== Number.POSITIVE_INFINITY;
  const [dialer, owner] = session.ends;
  for (const { plan: stream, opener, acceptor } of session.conversations) {
    if (!isOver({ plan: stream, opener, acceptor })) throw new Error('a stream neither ended nor failed');
    for (const user of [opener, acceptor]) {
      if (user?.error === undefined || stream.reset !== undefined) continue;
      const { code } = user.error;
      if (!allowedCodes.has(code)) throw new Error(`a stream failed with ${code}`, { cause: user.error });
      if (!mayFail && !wasGivenUp(plan, dialer) && !wasGivenUp(plan, owner)) {
        throw new Error(`a stream failed with ${code} without a reason`, { cause: user.error });
      }
    }
  }
  for (const { error } of session.ends) {
    if (error !== undefined && !allowedCodes.has(error.code)) {
      throw new Error(`the session failed with ${error.code}`, { cause: error });
    }
  }
}

const allowedCodes: ReadonlySet<string> = new Set([
  'ERR_E2EE_TRUNCATED',
  'ERR_E2EE_ABORTED',
  'ERR_E2EE_CLOSED',
  'ERR_ABORTED',
]);

/** No path came in time, or its bytes were needed by others. */
function wasGivenUp(plan: Plan, { error, wasSuspended, lastedMs, session }: SessionEnd): boolean {
  if (error?.code !== 'ERR_E2EE_TRUNCATED' || !wasSuspended) return false;
  // A dial that nobody acknowledged has less time.
  const leastMs = session.recordsReceived === 0 ? SessionLimit.confirmWaitMs : plan.giveUpMs;
  return lastedMs >= leastMs || plan.sessions.length > 1;
}

function sumUp(sessions: readonly SimulatedSession[], virtualMs: number): SimulationResult {
  const conversations = sessions.flatMap((session) => session.conversations);
  const users = conversations.flatMap(({ opener, acceptor }) =>
    acceptor === undefined ? [opener] : [opener, acceptor],
  );
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return {
    streams: conversations.length,
    completeStreams: conversations.filter(({ opener, acceptor }) => opener.isComplete && acceptor?.isComplete).length,
    bytes: sum(users.map(({ receivedBytes }) => receivedBytes)),
    resumptions: sum(sessions.map(({ resumptions }) => resumptions)),
    attempts: sum(sessions.map(({ attempts }) => attempts)),
    lateBytes: sum(sessions.flatMap(({ paths }) => paths.map(({ lateBytes }) => lateBytes))),
    rekeys: sum(sessions.flatMap(({ ends }) => ends.map(({ ledger }) => ledger.rekeys))),
    firstPathBytes: [sessions[0]!.paths[0]!.sentBytes, sessions[0]!.paths[1]!.sentBytes],
    virtualMs,
    sessions: sessions.length,
    failedSessions: sessions.filter(({ ends }) => ends.some(({ error }) => error !== undefined)).length,
  };
}

function describe(sessions: readonly SimulatedSession[]): string {
  return sessions
    .map(({ ends, conversations }) => {
      const states = ends.map(({ session }) => (session.isEnded ? 'ended' : session.isSuspended ? 'suspended' : 'up'));
      const streams = conversations.map((conversation) => {
        const { opener, acceptor } = conversation;
        return isOver(conversation) ? 'over' : `${opener.receivedBytes}/${acceptor?.receivedBytes}`;
      });
      return `${states.join('|')} [${streams.join(' ')}]`;
    })
    .join(', ');
}

import { type HalfPlan, type PathPlan, type Plan, perfectPath, type StreamPlan } from './plan.js';
import { type SimulationResult, simulatePlan } from './simulation.js';

const never = Number.POSITIVE_INFINITY;

const kept = { sharedBytes: 16_384, sessionBytes: 16_384, guaranteedBytes: 8_192, maxSessions: 1 };

function half(sendBytes: number, gapMs: number): HalfPlan {
  return { sendBytes, chunkBytes: 60, gapMs, restMs: 0, reader: { kind: 'eager' } };
}

/** A few small records in each direction, so that every byte of all of them can be the last one that gets through. */
const streams: readonly StreamPlan[] = [
  { openedByDialer: true, openAtMs: 0, opener: half(120, 0), acceptor: half(60, 3), reset: undefined },
  { openedByDialer: false, openAtMs: 12, opener: half(90, 2), acceptor: half(0, 0), reset: undefined },
];

/** How a cut shows: the other direction goes on or not, and when each side hears of it. */
const cuts: readonly Pick<PathPlan, 'cutsBoth' | 'toldMs'>[] = [
  { cutsBoth: true, toldMs: [0, 0] },
  // What the other side says after the cut still arrives, and its acks with it.
  { cutsBoth: false, toldMs: [400, 0] },
  // The dialer comes over the next path before the owner knows of anything.
  { cutsBoth: true, toldMs: [0, 13_000] },
  { cutsBoth: false, toldMs: [900, 900] },
];

/** One cut: a direction, and the number of bytes that get through. */
export interface Cut {
  readonly side: 0 | 1;
  readonly atBytes: number;
}

/** The same exchange each time, with a cut on each of the first paths. */
export function exchangeWithCuts(cutPaths: readonly Cut[], kind: number): SimulationResult {
  const cut = cuts[kind % cuts.length]!;
  const paths = cutPaths.map(({ side, atBytes }): PathPlan => {
    const cutAtBytes = side === 0 ? ([atBytes, never] as const) : ([never, atBytes] as const);
    return { ...perfectPath, ...cut, cutAtBytes };
  });
  const plan: Plan = {
    seed: 1,
    maxRecordPlaintext: [8_704, 8_704],
    initialWindowBytes: 65_536,
    kept: [kept, kept],
    giveUpMs: 60_000,
    sessions: [
      {
        streams,
        paths,
        movesAtMs: [],
        outageFromMs: never,
        abort: undefined,
        closer: kind % 2 === 0 ? 'dialer' : 'owner',
      },
    ],
  };
  return simulatePlan(plan);
}

/** Every place of a cut: each direction, from before its first byte to after its last one. */
export function everyCut(): readonly Cut[] {
  const { firstPathBytes } = exchangeWithCuts([], 0);
  return ([0, 1] as const).flatMap((side) =>
    Array.from({ length: firstPathBytes[side] + 1 }, (_, atBytes) => ({ side, atBytes })),
  );
}

import type { SeededRandom } from '@sealane/testkit';
import type { KeptBudgetOptions } from '../../src/session/kept-budget.js';

/** What becomes of an attempt to resume, before records flow. */
export type AttemptFate =
  | 'ok'
  | 'request-lost'
  | 'answer-lost'
  /** After the dialer has given the attempt up. */
  | 'request-late'
  | 'answer-late'
  | 'refused';

/** One path. The first number of a pair is of the dialer's direction, or of the dialer. */
export interface PathPlan {
  readonly fate: AttemptFate;
  readonly delayMs: readonly [number, number];
  readonly windowBytes: number;
  /** Largest piece in which bytes arrive. */
  readonly chunkBytes: number;
  /** After so many bytes nothing more gets through. */
  readonly cutAtBytes: readonly [number, number];
  /** The cut of one direction is one of both. */
  readonly cutsBoth: boolean;
  /** When each side hears of a cut. */
  readonly toldMs: readonly [number, number];
  readonly flipAtBytes: readonly [number, number];
  /** The relay repeats the request, and the answer. */
  readonly repeats: boolean;
  /** How long the owner's policy thinks. */
  readonly policyMs: number;
}

export type ReaderPlan =
  | { readonly kind: 'eager' }
  | { readonly kind: 'slow'; readonly bytes: number; readonly everyMs: number }
  | { readonly kind: 'stalled'; readonly untilMs: number };

export interface HalfPlan {
  readonly sendBytes: number;
  readonly chunkBytes: number;
  /** Between two chunks; 0 is full speed. */
  readonly gapMs: number;
  /** In the middle of its bytes. Longer than the life of a record key: the next record is a REKEY. */
  readonly restMs: number;
  readonly reader: ReaderPlan;
}

export interface StreamPlan {
  readonly openedByDialer: boolean;
  readonly openAtMs: number;
  readonly opener: HalfPlan;
  readonly acceptor: HalfPlan;
  readonly reset: { readonly byOpener: boolean; readonly atMs: number } | undefined;
}

export interface SessionPlan {
  readonly streams: readonly StreamPlan[];
  /** Path 0 and the attempts after it; those after the last one here are without fault. */
  readonly paths: readonly PathPlan[];
  /** The dialer leaves a living path. */
  readonly movesAtMs: readonly number[];
  /** No attempt gets through from then on. */
  readonly outageFromMs: number;
  readonly abort: { readonly byDialer: boolean; readonly atMs: number } | undefined;
  readonly closer: 'dialer' | 'owner' | 'both';
}

/** Everything about one simulation; it follows from the seed alone. */
export interface Plan {
  readonly seed: number;
  /** What each side takes. */
  readonly maxRecordPlaintext: readonly [number, number];
  readonly initialWindowBytes: number;
  readonly kept: readonly [KeptBudgetOptions, KeptBudgetOptions];
  readonly giveUpMs: number;
  readonly sessions: readonly SessionPlan[];
}

export const perfectPath: PathPlan = {
  fate: 'ok',
  delayMs: [5, 5],
  windowBytes: 262_144,
  chunkBytes: 65_536,
  cutAtBytes: [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  cutsBoth: true,
  toldMs: [0, 0],
  flipAtBytes: [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  repeats: false,
  policyMs: 0,
};

const never = Number.POSITIVE_INFINITY;
/** A session ends with the third damaged record. */
const MAX_FLIPS = 2;

export function createPlan(random: SeededRandom): Plan {
  const sizes = [8_704, 16_896, 66_048] as const;
  const maxRecordPlaintext = [random.pick(sizes), random.pick(sizes)] as const;
  const largest = Math.max(...maxRecordPlaintext) + 19;
  const sessions = random.pick([1, 1, 1, 2, 3]);
  return {
    seed: random.seed,
    maxRecordPlaintext,
    initialWindowBytes: random.pick([65_536, 65_536, 262_144]),
    kept: [createKept(random, sessions), createKept(random, sessions)],
    giveUpMs: random.pick([60_000, 60_000, 20_000]),
    sessions: Array.from({ length: sessions }, () => createSession(random, largest)),
  };
}

function createKept(random: SeededRandom, maxSessions: number): KeptBudgetOptions {
  return {
    sharedBytes: random.pick([0, 8_192, 65_536, 67_108_864]),
    sessionBytes: random.pick([0, 16_384, 65_536, 16_777_216]),
    guaranteedBytes: random.pick([6_000, 20_000, 262_144]),
    maxSessions,
  };
}

function createSession(random: SeededRandom, largest: number): SessionPlan {
  const isLong = random.chance(0.03);
  let flips = 0;
  const paths = Array.from({ length: random.int(1, 6) }, (_, index) => {
    const path = createPath(random, index, largest, flips < MAX_FLIPS);
    if (path.flipAtBytes.some((at) => at !== never)) flips += 1;
    return path;
  });
  return {
    streams: Array.from({ length: random.int(1, 5) }, () => createStream(random, isLong)),
    paths,
    movesAtMs: random.chance(0.2) ? Array.from({ length: random.int(1, 3) }, () => random.int(10, 4_000)) : [],
    outageFromMs: random.chance(0.05) ? random.int(0, 2_000) : never,
    abort: random.chance(0.05) ? { byDialer: random.chance(0.5), atMs: random.int(1, 4_000) } : undefined,
    closer: random.pick(['dialer', 'owner', 'both']),
  };
}

function createPath(random: SeededRandom, index: number, largest: number, mayFlip: boolean): PathPlan {
  const fates = ['ok', 'ok', 'ok', 'request-lost', 'answer-lost', 'request-late', 'answer-late', 'refused'] as const;
  const offset = (): number => random.pick([random.int(0, 400), random.int(0, 30_000), random.int(0, 200_000)]);
  const flips = mayFlip && random.chance(0.08);
  const flipSide = random.int(0, 1);
  const cutSide = random.pick([0, 1, 2]);
  const delays = [0, 1, 5, 20, random.int(1, 200), random.int(1, 900)] as const;
  return {
    fate: index === 0 ? 'ok' : random.pick(fates),
    delayMs: [random.pick(delays), random.pick(delays)],
    // It may be smaller than the records that were sealed for a larger one.
    windowBytes: random.pick([largest, 2 * largest, 2 * largest + random.int(0, 262_144)]),
    chunkBytes: random.pick([random.int(1, 40), 1_000, 65_536, 65_536]) + (largest >> 6),
    cutAtBytes: [cutSide === 1 ? never : offset(), cutSide === 0 ? never : offset()],
    cutsBoth: random.chance(0.5),
    // At most what the liveness of a link would take to notice.
    toldMs: [random.pick([0, 1, 300, random.int(0, 13_000)]), random.pick([0, 1, 300, random.int(0, 13_000)])],
    flipAtBytes: [flips && flipSide === 0 ? offset() : never, flips && flipSide === 1 ? offset() : never],
    repeats: random.chance(0.2),
    policyMs: random.pick([0, 0, 1, random.int(0, 2_500)]),
  };
}

export function createStream(random: SeededRandom, isLong: boolean): StreamPlan {
  return {
    openedByDialer: random.chance(0.7),
    openAtMs: random.pick([0, 0, random.int(0, 300), random.int(0, 5_000)]),
    opener: createHalf(random, isLong),
    acceptor: createHalf(random, isLong),
    reset: random.chance(0.1) ? { byOpener: random.chance(0.5), atMs: random.int(0, 3_000) } : undefined,
  };
}

function createHalf(random: SeededRandom, isLong: boolean): HalfPlan {
  return {
    sendBytes: random.pick([0, 1, random.int(1, 2_000), random.int(1, 60_000), random.int(1, 200_000)]),
    chunkBytes: random.pick([200, 1_000, random.int(1_000, 20_000), 65_536]),
    gapMs: random.pick([0, 0, 0, random.int(1, 100)]),
    restMs: isLong ? 960_000 : 0,
    reader: createReader(random),
  };
}

function createReader(random: SeededRandom): ReaderPlan {
  const kind = random.pick(['eager', 'eager', 'slow', 'stalled'] as const);
  if (kind === 'slow') return { kind, bytes: random.int(2_000, 20_000), everyMs: random.int(1, 200) };
  if (kind === 'stalled') return { kind, untilMs: random.int(100, 8_000) };
  return { kind };
}

import type { SeededRandom } from '@sealane/testkit';

export interface LayerPlan {
  readonly maxBodyBytes: number;
  readonly receiveWindowBytes: number;
  readonly maxReceiveWindowBytes: number;
}

export type ReaderPlan =
  | { readonly kind: 'eager' }
  | { readonly kind: 'slow'; readonly bytes: number; readonly everyMs: number }
  /** Reads nothing until then, and everything after. */
  | { readonly kind: 'stalled'; readonly untilMs: number }
  /** Reads nothing until the stream before it in the plan is over: streams must not wait for each other below. */
  | { readonly kind: 'after-previous' };

export interface HalfPlan {
  readonly sendBytes: number;
  readonly chunkBytes: number;
  /** What the writer lets wait in the stream. */
  readonly maxQueuedBytes: number;
  /** Begins to write when the peer has ended, as a server that answers. */
  readonly waitsForEnd: boolean;
  readonly reader: ReaderPlan;
}

export interface StreamPlan {
  readonly openedByDialer: boolean;
  readonly openAtMs: number;
  readonly holdUntilData: boolean;
  readonly opener: HalfPlan;
  readonly acceptor: HalfPlan;
  readonly reset: { readonly byOpener: boolean; readonly atMs: number } | undefined;
}

export interface LinkPlan {
  readonly delayMs: number;
  readonly bytesPerMs: number;
  /** Times at which the platform takes nothing for a while. */
  readonly pauses: readonly { readonly atMs: number; readonly forMs: number }[];
}

/** Everything about one simulation; it follows from the seed alone. */
export interface Plan {
  readonly seed: number;
  readonly outer: LayerPlan;
  readonly inner: LayerPlan & { readonly maxRecordBytes: number };
  readonly maxQueuedBytes: number;
  readonly links: readonly [LinkPlan, LinkPlan];
  readonly sessions: readonly (readonly StreamPlan[])[];
}

/** Known mistakes, to show that the simulation would find them. */
export type Defect =
  | 'none'
  /** Outer credit returns when the application has read, not when the record was opened. */
  | 'credit-follows-application'
  /** Nobody is woken when the peer of the outer stream grants credit. */
  | 'no-wake-on-credit'
  /** The relay returns credit for bytes that it still holds. */
  | 'credit-on-receipt'
  /** The outer window holds less than two records. */
  | 'small-outer-window';

export function createPlan(random: SeededRandom, defect: Defect = 'none'): Plan {
  const maxRecordBytes = random.pick([1_200, 2_048, 8_192, 16_896]);
  const innerWindow = random.int(512, 32_768);
  // The smallest outer window that the protocol allows in proportion: two whole records.
  const records = defect === 'small-outer-window' ? 1 : 2;
  const outerWindow = records * (maxRecordBytes + 3) + random.pick([0, 1, random.int(0, 65_536)]);
  const sessions = random.int(1, 3);
  return {
    seed: random.seed,
    outer: {
      maxBodyBytes: random.int(700, maxRecordBytes + 3),
      receiveWindowBytes: outerWindow,
      maxReceiveWindowBytes: outerWindow * random.pick([1, 1, 4]),
    },
    inner: {
      maxRecordBytes,
      maxBodyBytes: maxRecordBytes - 512,
      receiveWindowBytes: innerWindow,
      maxReceiveWindowBytes: innerWindow * random.pick([1, 4]),
    },
    maxQueuedBytes: random.pick([1_000, 8_192, 131_072]),
    links: [createLink(random), createLink(random)],
    sessions: Array.from({ length: sessions }, () =>
      Array.from({ length: random.int(1, 8) }, () => createStream(random)),
    ),
  };
}

function createLink(random: SeededRandom): LinkPlan {
  return {
    delayMs: random.pick([0, 0, 1, 20, random.int(1, 300)]),
    bytesPerMs: random.pick([50, 1_000, 100_000]),
    pauses: Array.from({ length: random.int(0, 2) }, () => ({ atMs: random.int(0, 500), forMs: random.int(1, 2_000) })),
  };
}

function createStream(random: SeededRandom): StreamPlan {
  return {
    openedByDialer: random.chance(0.7),
    openAtMs: random.int(0, 300),
    holdUntilData: random.chance(0.5),
    opener: createHalf(random, false),
    acceptor: createHalf(random, random.chance(0.3)),
    reset: random.chance(0.15) ? { byOpener: random.chance(0.5), atMs: random.int(0, 3_000) } : undefined,
  };
}

function createHalf(random: SeededRandom, waitsForEnd: boolean): HalfPlan {
  return {
    sendBytes: random.pick([0, 1, random.int(1, 2_000), random.int(1, 60_000), random.int(1, 120_000)]),
    chunkBytes: random.pick([64, 1_000, random.int(1, 4_000), 65_536]),
    maxQueuedBytes: random.pick([1, 4_096, 262_144]),
    waitsForEnd,
    reader: createReader(random),
  };
}

function createReader(random: SeededRandom): ReaderPlan {
  const kind = random.pick(['eager', 'eager', 'slow', 'stalled', 'after-previous'] as const);
  if (kind === 'slow') return { kind, bytes: random.int(200, 20_000), everyMs: random.int(1, 200) };
  if (kind === 'stalled') return { kind, untilMs: random.int(100, 5_000) };
  return { kind };
}

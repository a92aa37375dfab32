import type { SeededRandom } from '@sealane/testkit';
import { createStream, type StreamPlan } from '../../../client/test/session-simulation/plan.js';

/** What goes wrong, and when. `pick` chooses among what is there then. */
export type FaultPlan = { readonly atMs: number; readonly pick: number } & (
  | { readonly kind: 'cut'; readonly byClient: boolean }
  /** After so many more messages of one direction. */
  | { readonly kind: 'cut-later'; readonly from: 0 | 1; readonly messages: number }
  /** Nothing gets through any more, in one direction or both; nobody is told. */
  | { readonly kind: 'mute'; readonly directions: readonly [boolean, boolean] }
  | { readonly kind: 'stall'; readonly byClient: boolean; readonly forMs: number }
  | { readonly kind: 'owner-links' }
  | { readonly kind: 'all-links' }
  | { readonly kind: 'kill'; readonly downMs: number }
  | { readonly kind: 'drain'; readonly deadlineMs: number; readonly downMs: number }
  /** A machine sleeps: wall time jumps. */
  | { readonly kind: 'sleep'; readonly forMs: number }
);

export interface DialerPlan {
  /** Streams from the pool, which may open further sessions, or all in one. */
  readonly usesPool: boolean;
  readonly streams: readonly StreamPlan[];
}

/** Everything about one simulation; it follows from the seed alone. */
export interface WholePlan {
  readonly seed: number;
  readonly relays: number;
  readonly delayMs: readonly number[];
  readonly bytesPerMs: number;
  /** How long the owner's policy thinks, at each dial and each RESUME. */
  readonly policyMs: number;
  readonly dialers: readonly DialerPlan[];
  readonly faults: readonly FaultPlan[];
  readonly faultsEndMs: number;
  /** Of each client; small ones are full all the time. */
  readonly keptSessionBytes: number;
  readonly keptGuaranteedBytes: number;
}

const FAULTS_MS = 20_000;

export function createWholePlan(random: SeededRandom): WholePlan {
  const relays = random.pick([1, 1, 2, 2, 3]);
  const faults = Array.from({ length: random.int(1, 8) }, () => createFault(random));
  return {
    seed: random.seed,
    relays,
    delayMs: Array.from({ length: relays }, () => random.pick([1, 5, 20, random.int(1, 150)])),
    bytesPerMs: random.pick([50, 1_000, 20_000]),
    policyMs: random.pick([0, 0, 20, random.int(0, 1_200)]),
    dialers: Array.from({ length: random.int(1, 2) }, () => ({
      usesPool: random.chance(0.3),
      streams: Array.from({ length: random.int(1, 4) }, () => {
        const stream = createStream(random, false);
        return { ...stream, openAtMs: stream.openAtMs * random.pick([1, 3]) };
      }),
    })),
    faults,
    faultsEndMs: Math.max(...faults.map((fault) => fault.atMs + lengthOf(fault))),
    keptSessionBytes: random.pick([0, 65_536, 16_777_216]),
    keptGuaranteedBytes: random.pick([8_192, 65_536, 262_144]),
  };
}

function lengthOf(fault: FaultPlan): number {
  switch (fault.kind) {
    case 'stall':
      return fault.forMs;
    case 'kill':
      return fault.downMs;
    case 'drain':
      return fault.deadlineMs + fault.downMs;
    default:
      return 0;
  }
}

function createFault(random: SeededRandom): FaultPlan {
  const at = { atMs: random.pick([random.int(0, 2_000), random.int(0, FAULTS_MS)]), pick: random.int(0, 1_000) };
  const direction = random.int(0, 2);
  const kinds = [
    'cut',
    'cut-later',
    'cut-later',
    'mute',
    'stall',
    'owner-links',
    'all-links',
    'kill',
    'drain',
  ] as const;
  const kind = random.chance(0.05) ? 'sleep' : random.pick(kinds);
  switch (kind) {
    case 'cut':
      return { ...at, kind, byClient: random.chance(0.5) };
    case 'cut-later':
      return { ...at, kind, from: random.pick([0, 1]), messages: random.int(0, 30) };
    case 'mute':
      return { ...at, kind, directions: [direction !== 1, direction !== 0] };
    case 'stall':
      return { ...at, kind, byClient: random.chance(0.5), forMs: random.pick([200, 2_000, random.int(1, 12_000)]) };
    case 'kill':
      return { ...at, kind, downMs: random.pick([0, 100, random.int(0, 8_000)]) };
    case 'drain':
      return { ...at, kind, deadlineMs: random.int(0, 5_000), downMs: random.int(0, 5_000) };
    case 'sleep':
      return { ...at, kind, forMs: random.int(6_000, 20_000) };
    default:
      return { ...at, kind };
  }
}

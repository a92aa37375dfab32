/** Lines of one kind a second, and at once before that holds. */
const LINES_PER_SECOND = 200;
const BURST = 1_000;

interface Kind {
  tokens: number;
  atMs: number;
  omitted: number;
}

/** How many lines strangers may make a relay write about themselves: what is above is counted and told as a sum. */
export class EventRate {
  readonly #kinds = new Map<string, Kind>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Whether one more line of this kind may be written; if not, it is counted. */
  take(type: string): boolean {
    const nowMs = this.#nowMs();
    const kind = this.#kinds.get(type) ?? { tokens: BURST, atMs: nowMs, omitted: 0 };
    this.#kinds.set(type, kind);
    kind.tokens = Math.min(BURST, kind.tokens + ((nowMs - kind.atMs) / 1_000) * LINES_PER_SECOND);
    kind.atMs = nowMs;
    if (kind.tokens >= 1) {
      kind.tokens--;
      return true;
    }
    kind.omitted++;
    return false;
  }

  /** What was not told since the last call. */
  takeOmitted(): { readonly what: string; readonly count: number }[] {
    const omitted = [...this.#kinds].filter(([, kind]) => kind.omitted > 0);
    return omitted.map(([what, kind]) => {
      const count = kind.omitted;
      kind.omitted = 0;
      return { what, count };
    });
  }
}
